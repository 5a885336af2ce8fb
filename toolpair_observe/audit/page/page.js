"use strict";
// Everything from the audit is set as text, never as markup.
const told = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const number = (n) => n.toLocaleString("en-US");
const EFFECTS = ["local_error", "reject", "silent_loss", "unknown"];
const UNTOLD = "not told";

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  return made;
}

// --- what does not change ---------------------------------------------------------------------

function showHead() {
  const sentence = byId("sentence");
  for (const part of told.sentence.split(/(\d[\d,]*)/)) {
    sentence.append(/^\d/.test(part) ? element("b", part) : part);
  }
  const strict = told.strict;
  byId("scope").textContent =
    `Strict blocks ${strict.block_on.join(", ") || "nothing"}; models that are not identified are ` +
    `${strict.block_unidentified ? "held to the contract" : "let through"}. ` +
    `${number(told.messages)} messages, ${number(told.units.checked)} units, ` +
    `${number(told.files)} ${told.files === 1 ? "source" : "sources"}.`;
  byId("footer").textContent = `toolpair_observe ${told.version}. Ids, names, counts and ` +
    "positions only: no message content is in this page, and it asks no server for anything.";
  const cards = [
    ["requests", told.requests],
    ["near misses", told.near_misses],
    ["would be blocked", told.blocked.requests],
    ["refused anyway", told.blocked.refused],
    ["answered (false blocks)", told.blocked.answered],
    ["silent losses", told.silent_loss.requests],
    ["refused, not foreseen", told.escaped],
    ["not readable", told.units.unreadable],
    ["not a request", told.units.not_a_request],
  ];
  if (told.masked.results) cards.push(["results made up", told.masked.results]);
  for (const [what, count] of cards) {
    const card = element("div", null, { class: "card" });
    card.append(element("strong", number(count)), element("span", what));
    byId("cards").append(card);
  }
}

function fillTable(table, heads, rows, worse) {
  table.replaceChildren();
  if (!rows.length) {
    table.append(element("caption", "nothing", { class: "muted" }));
    return;
  }
  const head = table.createTHead().insertRow();
  heads.forEach((text, column) => {
    const numeric = typeof rows[0][column] === "number";
    head.append(element("th", text, { scope: "col", class: numeric ? "number" : "" }));
  });
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, column) => {
      const numeric = typeof value === "number";
      const bad = worse && worse.includes(column) && value > 0 ? " worse" : "";
      line.append(element("td", numeric ? number(value) : value, {
        class: (numeric ? "number" : "") + bad,
      }));
    });
  }
}

function placeOf(record) {
  const line = record.line === null ? "" : `:${record.line}`;
  return `${record.file}${line}${record.row ? ` (${record.row})` : ""}`;
}

function showTables() {
  const answers = {};
  for (const each of told.agreement) {
    (answers[each.recorded] ||= {})[each.prediction] = each.requests;
  }
  fillTable(
    byId("agreement"),
    ["recorded answer", "as predicted", "undecided", "not as predicted"],
    Object.entries(answers).map(([recorded, counts]) =>
      [recorded, counts.agrees || 0, counts.undecided || 0, counts.disagrees || 0]),
    [3],
  );
  fillTable(
    byId("threads"),
    ["thread", "units", "near misses", "blocked", "silent losses"],
    told.threads.worst.slice(0, 20).map((each) =>
      [each.thread_id, each.units, each.near_misses, each.blocked, each.silent_loss]),
  );
  fillTable(
    byId("unreadable"),
    ["reason", "units", "first"],
    told.unreadable.reasons.map((each) =>
      [each.reason, each.units, each.first ? placeOf(each.first) : ""]),
  );
  fillTable(
    byId("others-rows"),
    ["what", "units"],
    told.not_a_request.reasons.map((each) => [each.reason, each.units]),
  );
  fillTable(
    byId("masked"),
    ["by", "the call was", "results", "of them new"],
    told.masked.by.map((each) => [each.by, each.kind, each.results, each.fresh]),
  );
  if (told.as.length) {
    byId("others").hidden = false;
    fillTable(
      byId("others-table"),
      ["judged under", "and as", "requests", "would be blocked", "reject", "local error",
        "silent loss", "unknown", "newly broken", "mended"],
      told.as.map((each) => [each.profile, each.as, each.requests, each.blocked, each.reject,
        each.local_error, each.silent_loss, each.unknown, each.breaks, each.mends]),
      [8],
    );
  }
}

// --- filters ----------------------------------------------------------------------------------

const form = byId("filters");
// Of the columns of a table, the first ones are texts, which stand there by their numbers.
const rowsOf = (table, texts) => table.rows.map((row) =>
  row.map((value, place) => place < texts ? told.names[value] : value));
const at = Object.fromEntries(told.cells.columns.map((name, place) => [name, place]));
const kindAt = Object.fromEntries(told.kind_cells.columns.map((name, place) => [name, place]));
const DIMENSIONS = ["provider", "model", "version", "profile"];
const cells = rowsOf(told.cells, DIMENSIONS.length + 1);
const kindCells = rowsOf(told.kind_cells, DIMENSIONS.length + 4);

function options(select, values, all) {
  select.append(element("option", all, { value: "\u0000" }));
  for (const value of values) select.append(element("option", value || UNTOLD, { value }));
}

function distinct(rows, place) {
  return [...new Set(rows.map((row) => row[place]))].sort();
}

function showFilters() {
  for (const name of DIMENSIONS) options(form.elements[name], distinct(cells, at[name]), "all");
  const days = distinct(cells, at.day).filter((day) => day);
  options(form.elements.from, days, "first");
  options(form.elements.to, days, "last");
  options(form.elements.effect, EFFECTS, "all");
  options(form.elements.kind, distinct(kindCells, kindAt.kind), "all");
  options(form.elements.cause, distinct(kindCells, kindAt.cause), "all");
}

function chosen(name) {
  const value = form.elements[name].value;
  return value === "\u0000" ? null : value;
}

function choices() {
  const names = [...DIMENSIONS, "from", "to", "effect", "kind", "cause"];
  return Object.fromEntries(names.map((name) => [name, chosen(name)]));
}

// Whether day and dimensions are among those that were chosen; `value` tells them by name.
function isIn(choice, value) {
  const day = value("day");
  return DIMENSIONS.every((name) => choice[name] === null || value(name) === choice[name]) &&
    (choice.from === null || day >= choice.from) &&
    (choice.to === null || (day !== "" && day <= choice.to));
}

function cellsIn(choice) {
  return cells.filter((row) => isIn(choice, (name) => row[at[name]]));
}

function kindCellsIn(choice) {
  return kindCells.filter((row) =>
    isIn(choice, (name) => row[kindAt[name]]) &&
    ["kind", "cause", "effect"].every((name) =>
      choice[name] === null || row[kindAt[name]] === choice[name]));
}

function recordsIn(choice, words) {
  const value = (record) => (name) => record[name];
  return told.worst.filter((record) =>
    isIn(choice, value(record)) &&
    (choice.effect === null || record.effect === choice.effect) &&
    (choice.kind === null || record.kinds.includes(choice.kind)) &&
    (choice.cause === null || record.causes.includes(choice.cause)) &&
    (!words || JSON.stringify(record).toLowerCase().includes(words)));
}

// --- pictures ---------------------------------------------------------------------------------

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const CAUSE_COLORS = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#b6992d",
  "#b07aa1", "#d37295", "#9c755f", "#8a8f98"];

function layout(more) {
  const line = color("line");
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  return {
    barmode: "stack", bargap: 0.25, margin: { l: 40, r: 12, t: 34, b: 30 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: color("text"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom", traceorder: "normal" },
    showlegend: true,
    hoverlabel: { font: { family: "inherit" } },
    ...more,
    xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
  };
}

function draw(id, traces, more, label) {
  const place = byId(id);
  const shown = traces.filter((trace) => trace.values.some((value) => value));
  if (!shown.length) {
    Plotly.purge(place);
    place.replaceChildren(element("div", "none", { class: "nothing" }));
    return;
  }
  if (place.querySelector(".nothing")) place.replaceChildren();
  const sums = shown.map((trace) =>
    `${trace.name} ${number(trace.values.reduce((a, b) => a + b, 0))}`);
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${label}: ${sums.join(", ")}`);
  Plotly.react(place, shown, layout(more), { displayModeBar: false, responsive: true });
}

// Plotly reads a name with angle brackets as markup.
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function short(text) {
  const name = text || UNTOLD;
  return plain(name.length > 34 ? `${name.slice(0, 16)}…${name.slice(-16)}` : name);
}

function effectsOf(choice) {
  return choice.effect === null ? EFFECTS : [choice.effect];
}

function drawDays(rows, choice) {
  const days = distinct(rows, at.day);
  const place = new Map(days.map((day, n) => [day, n]));
  const traces = effectsOf(choice).map((effect) => {
    const counts = days.map(() => 0);
    for (const row of rows) counts[place.get(row[at.day])] += row[at[effect]];
    return { type: "bar", name: effect, x: days.map((day) => day || UNTOLD), y: counts,
      values: counts, marker: { color: color(effect) } };
  });
  draw("by-day", traces, { xaxis: { type: "category", nticks: 6, tickangle: 0 }, yaxis: { rangemode: "tozero" } },
    "Near misses by day");
}

function drawBars(id, rows, name, choice, label) {
  const sums = new Map();
  const effects = effectsOf(choice);
  for (const row of rows) {
    const total = effects.reduce((sum, effect) => sum + row[at[effect]], 0);
    if (total) sums.set(row[at[name]], (sums.get(row[at[name]]) || 0) + total);
  }
  const most = [...sums].sort((a, b) => b[1] - a[1]).slice(0, 10).map(([value]) => value).reverse();
  const traces = effects.map((effect) => {
    const counts = most.map((value) =>
      rows.reduce((sum, row) => row[at[name]] === value ? sum + row[at[effect]] : sum, 0));
    return { type: "bar", orientation: "h", name: effect, y: most.map((_, n) => n), x: counts,
      values: counts, marker: { color: color(effect) } };
  });
  const yaxis = { tickmode: "array", tickvals: most.map((_, n) => n), ticktext: most.map(short) };
  draw(id, traces, { yaxis, xaxis: { rangemode: "tozero" } }, label);
}

function drawKinds(rows) {
  const sums = new Map();
  const causes = new Map();
  const add = (map, key, count) => map.set(key, (map.get(key) || 0) + count);
  for (const row of rows) {
    add(sums, row[kindAt.kind], row[kindAt.units]);
    add(causes, row[kindAt.cause], row[kindAt.units]);
  }
  const sorted = (map) => [...map].sort((a, b) => b[1] - a[1]).map(([value]) => value);
  const kinds = sorted(sums).reverse();
  const foremost = sorted(causes).slice(0, 9);
  const traces = [...foremost, null].map((cause, place) => {
    const counts = kinds.map((kind) => rows.reduce((sum, row) => {
      const fits = cause === null ? !foremost.includes(row[kindAt.cause]) :
        row[kindAt.cause] === cause;
      return row[kindAt.kind] === kind && fits ? sum + row[kindAt.units] : sum;
    }, 0));
    return { type: "bar", orientation: "h", name: cause ?? "other causes", y: kinds, x: counts,
      values: counts, marker: { color: CAUSE_COLORS[place] } };
  });
  draw("by-kind", traces, { xaxis: { rangemode: "tozero" } }, "Kinds of violations by cause");
}

// --- conversations ----------------------------------------------------------------------------

let listed = [];
let selected = -1;

function showConversations(records) {
  const open = listed[selected];
  listed = records;
  const list = byId("conversations");
  list.replaceChildren(...records.map((record, place) => {
    const item = element("li", null,
      { role: "option", id: `conversation-${place}`, "aria-selected": "false" });
    const what = element("div", null, { class: "what" });
    what.append(element("span", record.effect, { class: `effect ${record.effect}` }),
      ` ${record.kinds.join(", ") || "refused, not foreseen"}`);
    item.append(what, element("div", placeOf(record), { class: "where" }));
    item.addEventListener("click", () => select(place));
    return item;
  }));
  byId("kept").textContent =
    `${number(records.length)} of ${number(told.worst.length)} kept, some of each sort`;
  select(Math.max(0, records.indexOf(open)), false);
}

function select(place, reveal = true) {
  const list = byId("conversations");
  if (!listed.length) {
    selected = -1;
    list.removeAttribute("aria-activedescendant");
    byId("detail").replaceChildren(element("p", "No conversation.", { class: "muted" }));
    return;
  }
  selected = Math.min(Math.max(0, place), listed.length - 1);
  list.querySelectorAll('[aria-selected="true"]').forEach((item) =>
    item.setAttribute("aria-selected", "false"));
  const item = list.children[selected];
  item.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", item.id);
  if (reveal) item.scrollIntoView({ block: "nearest" });
  showDetail(listed[selected]);
}

function showDetail(record) {
  const detail = byId("detail");
  const facts = element("dl");
  const tell = (name, value) => {
    if (value) facts.append(element("dt", name), element("dd", value));
  };
  tell("thread", record.thread_id);
  tell("run", record.run_id);
  tell("at", record.at);
  tell("form", `${record.format} (${record.layer})`);
  tell("judged under", record.profile + (record.identified ? "" : " (not identified)"));
  tell("model", [record.provider, record.model].filter(Boolean).join(" / "));
  tell("recorded", record.recorded && (record.rejected_kind ?
    `${record.recorded}: ${record.rejected_kind}` : record.recorded));
  detail.replaceChildren(element("h3", placeOf(record)), element("p", record.summary), facts,
    timelineOf(record), ...record.violations.map(violationOf));
  if (record.more_violations) {
    detail.append(element("p", `and ${number(record.more_violations)} more violations`));
  }
}

function timelineOf(record) {
  const box = element("div", null, { class: "timeline" });
  const width = Math.min(30, Math.max(0, ...record.rails.map((line) => line.id.length)));
  for (const line of record.rails) {
    const kind = line.is_fold ? "stop fold" : line.is_made_up ? "stop made-up" : "stop";
    const row = element("div", null, { class: line.is_broken ? `${kind} bad` : kind });
    const what = element("span", null, { class: "said" });
    if (line.id) what.append(element("span", `${line.id.padEnd(width)}  `, { class: "id" }));
    if (line.text) what.append(`${line.text}  `);
    if (line.marks.length) {
      what.append(element("span", `← ${line.marks.join(", ")}`, { class: "flag" }));
    }
    const mark = line.is_broken ? "✗" : line.is_made_up ? "!" : "";
    row.append(element("span", line.rail, { class: "rail" }), element("span", mark, { class: "flag" }),
      element("span", line.index ?? "", { class: "index" }),
      element("span", line.role, { class: "role" }), what);
    box.append(row);
  }
  return box;
}

function violationOf(each) {
  const box = element("div", null, { class: "violation" });
  const head = element("p");
  head.append(element("span", each.effect, { class: `effect ${each.effect}` }),
    ` ${each.kind} at message ${each.message_index}: ${each.tool_call_id || "no id"}` +
    (each.tool_name ? ` of tool ${each.tool_name}` : ""));
  box.append(head);
  if (each.lost) box.append(element("p", `lost: ${each.lost}`));
  if (each.expected_error) box.append(element("blockquote", each.expected_error));
  if (each.hint) {
    const hint = element("p");
    hint.append(element("b", "to do: "), each.hint);
    box.append(hint);
  }
  box.append(element("p", `likely cause: ${each.cause}`, { class: "muted" }));
  return box;
}

// --- together ---------------------------------------------------------------------------------

function refresh() {
  const choice = choices();
  const rows = cellsIn(choice);
  const kinds = kindCellsIn(choice);
  drawDays(rows, choice);
  drawBars("by-model", rows, "model", choice, "Near misses by model");
  drawBars("by-provider", rows, "provider", choice, "Near misses by provider");
  drawKinds(kinds);
  const effects = choice.effect === null ? Object.keys(told.effects) : [choice.effect];
  const count = rows.reduce((sum, row) => effects.reduce((part, name) => part + row[at[name]], sum), 0);
  const unkept = told.kind_cells.rest[0];
  byId("showing").textContent = `${number(count)} of ${number(told.requests)} requests` +
    (unkept ? `; ${number(unkept)} of the oldest violations can't be told apart, and are in no ` +
      "picture of kinds" : "");
  showConversations(recordsIn(choice, byId("search").value.trim().toLowerCase()));
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" :
    matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  refresh();
}

function reset() {
  form.reset();
  byId("search").value = "";
  refresh();
}

const KEYS = {
  "/": () => byId("search").focus(),
  t: toggleTheme,
  j: () => select(selected + 1), ArrowDown: () => select(selected + 1),
  k: () => select(selected - 1), ArrowUp: () => select(selected - 1),
  Enter: () => byId("detail").focus(),
  Home: () => select(0), End: () => select(listed.length - 1),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    reset();
    byId("conversations").focus();
    return;
  }
  const typing = event.target.closest("input, select, button");
  const inSearch = event.target === byId("search");
  if (typing && !(inSearch && ["ArrowDown", "ArrowUp", "Enter"].includes(event.key))) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

showHead();
showTables();
showFilters();
refresh();
form.addEventListener("change", refresh);
byId("show-all").addEventListener("click", reset);
byId("search").addEventListener("input", refresh);
byId("theme").addEventListener("click", toggleTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
document.addEventListener("keydown", onKey);
document.documentElement.dataset.ready = "yes";
