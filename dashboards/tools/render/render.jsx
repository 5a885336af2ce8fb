// Draws a dashboard's JSON with Grafana's own components and data functions, from Prometheus' API.
// The attribute data-state of each panel is its state: data, no data, or an error.
import { createRoot } from 'react-dom/client';
import {
  EventBusSrv,
  FieldConfigOptionsRegistry,
  FieldType,
  applyFieldOverrides,
  createTheme,
  dateTime,
  getFieldDisplayName,
  identityOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import {
  BarGauge,
  BarGaugeDisplayMode,
  BigValue,
  GlobalStyles,
  PanelChrome,
  PanelContextProvider,
  TimeSeries,
} from '@grafana/ui';
// What Grafana draws tables with since version 12.2.
import { TableNG } from '@grafana/ui/unstable';
import { ThemeContext } from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import 'uplot/dist/uPlot.min.css';

const CELL = 30;
const GAP = 8;

const given = new URLSearchParams(location.search);
const prometheus = given.get('prometheus');
const to = Number(given.get('to'));
const seconds = Number(given.get('seconds'));
const WIDTH = Number(given.get('width'));
// Grafana shows one panel below the other on narrow screens.
const IS_NARROW = WIDTH < 769;
const theme = createTheme({ colors: { mode: given.get('theme') || 'dark' } });
const variables = JSON.parse(given.get('variables'));

// Old and new names of the same transformation.
const transformers = new Map(Object.values(standardTransformers).map((info) => [info.id, info]));
standardTransformersRegistry.setInit(() =>
  [...transformers].map(([id, info]) => ({ id, name: info.name, transformation: async () => info })),
);

// The options of fields that the dashboard uses. Grafana itself has them in its application.
const OPTIONS = ['unit', 'decimals', 'min', 'max', 'color', 'thresholds', 'noValue', 'displayName', 'mappings', 'links'];
const CUSTOM = [
  'axisPlacement', 'axisSoftMax', 'cellOptions', 'drawStyle', 'fillOpacity', 'lineWidth', 'minWidth',
  'scaleDistribution',
  'showPoints', 'stacking', 'thresholdsStyle', 'width',
];
const option = (path, isCustom) => ({
  id: isCustom ? `custom.${path}` : path,
  path,
  name: path,
  isCustom,
  process: identityOverrideProcessor,
  shouldApply: () => true,
});
const registry = new FieldConfigOptionsRegistry(() => [
  ...OPTIONS.map((path) => option(path, false)),
  ...CUSTOM.map((path) => option(path, true)),
]);

const timeRange = {
  from: dateTime((to - seconds) * 1000),
  to: dateTime(to * 1000),
  raw: { from: 'now', to: 'now' },
};

function filledIn(text) {
  return text.replace(/\$(\w+)/g, (all, name) => variables[name] ?? all);
}

async function ask(path, query) {
  const answer = await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams(query)}`);
  const body = await answer.json();
  if (body.status !== 'success') {
    throw new Error(body.error);
  }
  return body.data.result;
}

function legend(target, metric) {
  if (target.legendFormat) {
    return target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '').trim();
  }
  return JSON.stringify(metric);
}

const numbers = (name, values, labels, displayName) => ({
  name,
  type: FieldType.number,
  values: values.map((value) => (value === 'NaN' ? null : Number(value))),
  labels,
  config: displayName ? { displayNameFromDS: displayName } : {},
});
const times = (values) => ({ name: 'Time', type: FieldType.time, values, config: {} });

async function framesOf(panel, target) {
  const query = filledIn(target.expr);
  if (target.format === 'table') {
    const result = await ask('query', { query, time: to });
    return result.length ? [tableOf(panel, target, result)] : [];
  }
  if (target.instant) {
    const result = await ask('query', { query, time: to });
    return result.map(({ metric, value }) =>
      frame(target, [times([value[0] * 1000]), numbers('Value', [value[1]], metric, legend(target, metric))]),
    );
  }
  const step = Math.max(1, Math.round(seconds / 240));
  const result = await ask('query_range', { query, start: to - seconds, end: to, step });
  return result.map(({ metric, values }) =>
    frame(target, [
      times(values.map(([at]) => at * 1000)),
      numbers('Value', values.map(([, value]) => value), metric, legend(target, metric)),
    ]),
  );
}

function frame(target, fields) {
  return { refId: target.refId, fields, length: fields[0].values.length };
}

function tableOf(panel, target, result) {
  const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const several = panel.targets.length > 1;
  return frame(target, [
    times(result.map(({ value }) => value[0] * 1000)),
    ...labels.map((label) => ({
      name: label,
      type: FieldType.string,
      values: result.map(({ metric }) => metric[label] ?? ''),
      config: {},
    })),
    numbers(several ? `Value #${target.refId}` : 'Value', result.map(({ value }) => value[1])),
  ]);
}

async function dataOf(panel) {
  const frames = (await Promise.all(panel.targets.map((target) => framesOf(panel, target)))).flat();
  const transformed = panel.transformations?.length
    ? await firstValueFrom(transformDataFrame(panel.transformations, frames))
    : frames;
  const drawn = applyFieldOverrides({
    data: transformed,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  for (const one of drawn) {
    for (const field of one.fields) {
      field.state = { ...field.state, displayName: getFieldDisplayName(field, one, drawn), range: timeRange };
    }
  }
  return drawn;
}

function hasData(frames) {
  return frames.some((one) =>
    one.fields.some((field) => field.type === FieldType.number
      ? field.values.some((value) => value !== null && !Number.isNaN(value))
      : field.type === FieldType.string && field.values.length > 0),
  );
}

const number = (one) => one.fields.find((field) => field.type === FieldType.number);
const last = (field) => ({ ...field.display(field.values.at(-1)), title: field.state.displayName });

function Content({ panel, frames, width, height }) {
  switch (panel.type) {
    case 'timeseries':
      return (
        <TimeSeries frames={frames} timeRange={timeRange} timeZone="utc" width={width} height={height}
          legend={panel.options.legend} options={panel.options} structureRev={1} />
      );
    case 'stat':
      return (
        <BigValue value={{ ...last(number(frames[0])), title: '' }} colorMode={panel.options.colorMode} theme={theme}
          graphMode="none" justifyMode="auto" textMode="value" width={width} height={height} />
      );
    case 'bargauge': {
      const longest = (texts) => texts.reduce((one, other) => (other.length > one.length ? other : one), '');
      const values = frames.map((one) => last(number(one)));
      const alignment = {
        title: longest(values.map(({ title }) => title)),
        text: longest(values.map(({ text }) => text)),
      };
      return frames.map((one, place) => (
        <BarGauge key={place} field={number(one).config} display={number(one).display} theme={theme}
          value={values[place]} alignmentFactors={alignment} orientation="horizontal" displayMode={BarGaugeDisplayMode.Basic}
          namePlacement={panel.options.namePlacement} valueDisplayMode={panel.options.valueMode}
          width={width} height={Math.min(56, height / frames.length)} itemSpacing={4} />
      ));
    }
    case 'table':
      return (
        <TableNG data={frames[0]} width={width} height={height} timeRange={timeRange} structureRev={1}
          fieldConfig={panel.fieldConfig} sortBy={panel.options.sortBy} enableVirtualization={false} />
      );
    default:
      throw new Error(`no component for ${panel.type}`);
  }
}

function stacked(panels) {
  let y = 0;
  return panels.map((panel) => {
    const h = panel.gridPos.h;
    y += h;
    return { ...panel, gridPos: { x: 0, y: y - h, w: 24, h } };
  });
}

function Panel({ panel, frames, state, message }) {
  const { x, y, w, h } = panel.gridPos;
  const column = WIDTH / 24;
  const place = {
    position: 'absolute',
    left: x * column + GAP / 2,
    top: y * (CELL + GAP) + GAP / 2,
  };
  if (panel.type === 'row') {
    return <h4 style={{ ...place, lineHeight: `${CELL}px`, color: theme.colors.text.primary }}>{panel.title}</h4>;
  }
  const width = w * column - GAP;
  const height = h * (CELL + GAP) - GAP;
  return (
    <div style={place} data-title={panel.title} data-state={state}>
      <PanelChrome title={panel.title} width={width} height={height}>
        {(innerWidth, innerHeight) => state === 'data'
          ? <Content panel={panel} frames={frames} width={innerWidth} height={innerHeight} />
          : <p style={{ color: theme.colors.text.secondary }}>{message ?? 'No data'}</p>}
      </PanelChrome>
    </div>
  );
}

async function load(panel) {
  if (panel.type === 'row') {
    return { panel };
  }
  try {
    const frames = await dataOf(panel);
    return { panel, frames, state: hasData(frames) ? 'data' : 'nodata' };
  } catch (error) {
    return { panel, state: 'error', message: String(error.message ?? error) };
  }
}

async function main() {
  const dashboard = await (await fetch('dashboard.json')).json();
  const panels = await Promise.all((IS_NARROW ? stacked(dashboard.panels) : dashboard.panels).map(load));
  document.body.style.background = theme.colors.background.canvas;
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={{ eventsScope: 'render', eventBus: new EventBusSrv(), canAddAnnotations: () => false }}>
        {panels.map((one) => <Panel key={one.panel.id} {...one} />)}
      </PanelContextProvider>
    </ThemeContext.Provider>,
  );
  // Wait until everything is drawn: a component that throws leaves its panel out of the page.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const drawn = [...document.querySelectorAll('[data-state]')].map((one) => ({
    title: one.dataset.title,
    state: one.dataset.state,
    drawn: one.querySelector('canvas, [role=table], table, span, div') !== null,
    message: panels.find(({ panel }) => panel.title === one.dataset.title)?.message ?? '',
  }));
  await fetch('done', { method: 'POST', body: JSON.stringify(drawn) });
}

main().catch((error) => fetch('done', { method: 'POST', body: JSON.stringify({ error: String(error.stack) }) }));
window.addEventListener('error', (event) => {
  fetch('done', { method: 'POST', body: JSON.stringify({ error: event.message }) });
});
