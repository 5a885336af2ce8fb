"""The kinds of panel of the dashboard, all in the same style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table
from grafana_foundation_sdk.builders import timeseries as ts
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.tools.colors import Color

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")


class Query(NamedTuple):
    """One query of a panel.

    Attributes:
        expression: The PromQL.
        legend: The name of each series; Grafana replaces `{{label}}` by the value of the label.
        has_exemplars: Whether a graph also shows the traces of single measurements.
    """

    expression: str
    legend: str = ""
    has_exemplars: bool = False


class Text(NamedTuple):
    """The title and the description of a panel."""

    title: str
    description: str


class Shown(NamedTuple):
    """What is shown instead of a value, and in which color."""

    text: str
    color: Color | None = None


class Link(NamedTuple):
    """A link from a value; Grafana fills in its variables."""

    title: str
    url: str


def steps(base: Color, *above: tuple[float, Color]) -> dashboard.ThresholdsConfig:
    """Return thresholds: the base color, and the values at which other colors begin."""
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps(
            [
                models.Threshold(value=None, color=base.value),
                *(models.Threshold(value=value, color=color.value) for value, color in above),
            ]
        )
    )


def single(
    text: Text,
    unit: str,
    query: Query,
    thresholds: dashboard.ThresholdsConfig,
    links: Sequence[Link] = (),
) -> stat.Panel:
    """Return one number, colored by its thresholds, with links to what it counts."""
    return (
        stat.Panel()
        .title(text.title)
        .description(text.description)
        .datasource(DATASOURCE)
        .unit(unit)
        .decimals(2 if unit == "percentunit" else 0)
        .thresholds(thresholds)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target("A", query).instant())
        .override_by_field_type("number", _links(links))
        .span(3)
        .height(4)
    )


def signal(text: Text, query: Query, shown: Mapping[str, Shown]) -> stat.Panel:
    """Return one large word on its color.

    Args:
        text: The title and the description.
        query: The query for a number.
        shown: The word and the color of each number.
    """
    return (
        stat.Panel()
        .title(text.title)
        .description(text.description)
        .datasource(DATASOURCE)
        .unit("none")
        .mappings([_mapping(shown)])
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        .color_mode(common_models.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target("A", query).instant())
    )


class Lines(NamedTuple):
    """How the lines of a graph are drawn.

    Attributes:
        stacked: Whether the lines add up.
        colors: Colors by the name of a series; others get Grafana's palette.
        line_at: The value of a dashed line.
        at_least: The smallest maximum of the axis, so that values near zero look small.
        logarithmic: Whether the axis is logarithmic.
        links: Links from each line.
    """

    stacked: bool = False
    colors: Mapping[str, Color] = {}
    line_at: float | None = None
    at_least: float = 1.0
    logarithmic: bool = False
    links: Sequence[Link] = ()


_PLAIN: Final = Lines()


def graph(text: Text, unit: str, queries: Sequence[Query], lines: Lines = _PLAIN) -> ts.Panel:
    """Return lines over time."""
    panel = (
        ts.Panel()
        .title(text.title)
        .description(text.description)
        .datasource(DATASOURCE)
        .unit(unit)
        .draw_style(common_models.GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(60 if lines.stacked else 8)
        .show_points(common_models.VisibilityMode.NEVER)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .span(12)
        .height(8)
    )
    if lines.logarithmic:
        log = common.ScaleDistributionConfig().type(common_models.ScaleDistribution.LOG).log(10)
        panel = panel.scale_distribution(log)
    else:
        panel = panel.min(0).axis_soft_max(lines.at_least)
    if lines.stacked:
        panel = panel.stacking(
            common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A")
        )
    if lines.line_at is not None:
        panel = panel.thresholds(
            steps(Color.GOOD, (lines.line_at, Color.WARNING))
        ).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
        )
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        target = _target(letter, query).range()
        panel = panel.with_target(target.exemplar(exemplar=True) if query.has_exemplars else target)
    if lines.links:
        panel = panel.override_by_field_type("number", _links(lines.links))
    for name, color in lines.colors.items():
        panel = panel.override_by_name(name, [_fixed(color)])
    return panel


def bars(text: Text, unit: str, query: Query) -> bargauge.Panel:
    """Return one bar per series, in the order of the query."""
    return (
        bargauge.Panel()
        .title(text.title)
        .description(text.description)
        .datasource(DATASOURCE)
        .unit(unit)
        .decimals(0)
        .min(0)
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .name_placement(common_models.BarGaugeNamePlacement.TOP)
        .thresholds(steps(Color.NOTEWORTHY))
        .no_value("none")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target("A", query).instant())
        .span(12)
        .height(8)
    )


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        field: Grafana's name of the field.
        title: The heading.
        unit: The unit of the values, `""` for text.
        thresholds: What colors the cells.
        shown: What is shown instead of some values. Colors fill the cell.
        links: Links from each cell.
        width: The width in pixels; None for a share of what is left.
    """

    field: str
    title: str
    unit: str = ""
    thresholds: dashboard.ThresholdsConfig | None = None
    shown: Mapping[str, Shown] | None = None
    links: Sequence[Link] = ()
    width: int | None = None


def grid(
    text: Text,
    queries: Sequence[Query],
    columns: Sequence[Column],
    transformations: Sequence[models.DataTransformerConfig] = (),
) -> table.Panel:
    """Return a table of instant queries. The columns are shown in the order given."""
    panel = (
        table.Panel()
        .title(text.title)
        .description(text.description)
        .datasource(DATASOURCE)
        # Each column has its own unit.
        .unit("none")
        .show_header(show_header=True)
        .min_width(60)
        .span(12)
        .height(8)
    )
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        target = _target(letter, query).instant().format(PromQueryFormat.TABLE)
        panel = panel.with_target(target)
    for transformation in transformations:
        panel = panel.with_transformation(transformation)
    for column in columns:
        panel = panel.override_by_name(column.title, _column_properties(column))
    return panel


def merge() -> models.DataTransformerConfig:
    """Return the transformation that joins several queries on the labels they share."""
    return models.DataTransformerConfig(id_val="merge", options={})


def organize(columns: Sequence[Column], hidden: Sequence[str]) -> models.DataTransformerConfig:
    """Return the transformation that orders, names and hides fields."""
    return models.DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": dict.fromkeys(hidden, True),
            "indexByName": {column.field: place for place, column in enumerate(columns)},
            "renameByName": {column.field: column.title for column in columns},
        },
    )


def to_matrix(row: str, column: str, value: str) -> models.DataTransformerConfig:
    """Return the transformation that makes rows and columns of two labels."""
    return models.DataTransformerConfig(
        id_val="groupingToMatrix",
        options={
            "rowField": row,
            "columnField": column,
            "valueField": value,
            "emptyValue": "empty",
        },
    )


def _target(ref_id: str, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(ref_id).expr(query.expression).datasource(DATASOURCE)
    return target.legend_format(query.legend) if query.legend else target


def _fixed(color: Color) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(
        id_val="color", value={"mode": "fixed", "fixedColor": color.value}
    )


def _column_properties(column: Column) -> list[models.DynamicConfigValue]:
    properties = []
    if column.unit:
        decimals = 2 if column.unit == "percentunit" else 0
        properties += [
            models.DynamicConfigValue(id_val="unit", value=column.unit),
            models.DynamicConfigValue(id_val="decimals", value=decimals),
        ]
    if column.width is not None:
        properties.append(models.DynamicConfigValue(id_val="custom.width", value=column.width))
    if column.thresholds is not None:
        properties += [
            models.DynamicConfigValue(id_val="thresholds", value=column.thresholds.build()),
            models.DynamicConfigValue(id_val="color", value={"mode": "thresholds"}),
            models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
        ]
    if column.shown is not None:
        mapping = _mapping(column.shown)
        properties.append(models.DynamicConfigValue(id_val="mappings", value=[mapping]))
        if any(shown.color for shown in column.shown.values()):
            cell = {"type": "color-background"}
            properties.append(models.DynamicConfigValue(id_val="custom.cellOptions", value=cell))
    return properties + (_links(column.links) if column.links else [])


def _mapping(shown: Mapping[str, Shown]) -> models.ValueMap:
    return models.ValueMap(
        {
            value: models.ValueMappingResult(text=text, color=color, index=place)
            for place, (value, (text, color)) in enumerate(shown.items())
        }
    )


def _links(links: Sequence[Link]) -> list[models.DynamicConfigValue]:
    value = [{"title": link.title, "url": link.url, "targetBlank": True} for link in links]
    return [models.DynamicConfigValue(id_val="links", value=value)]
