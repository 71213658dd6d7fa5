//! Two panels as SVG: cost against the number of plugins, and against the size of batches.

use std::fmt::Write as _;

use super::contestants::Program;
use super::manifest::Pipeline;
use super::report::Row;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const COLORS: [&str; 5] = ["#6b7280", "#86b6f2", "#1d6fd1", "#f2b483", "#d1621d"];

/// A line: its name, its colour, and points of x and y.
struct Line {
    name: String,
    color: &'static str,
    points: Vec<(f64, f64)>,
}

struct Panel {
    title: &'static str,
    x: &'static str,
    logarithmic: bool,
    lines: Vec<Line>,
}

/// The plot of a run; panels without points are left out.
pub fn svg(rows: &[Row]) -> String {
    let panels: Vec<Panel> = [by_plugins(rows), by_batch(rows)]
        .into_iter()
        .filter(|panel| panel.lines.iter().any(|line| line.points.len() > 1))
        .collect();
    let width = panels.len().max(1) as f64 * (WIDTH + LEFT + 30.0);
    let legend = panels.iter().map(|panel| panel.lines.len()).max();
    let height = TOP + HEIGHT + 60.0 + legend.unwrap_or(0) as f64 * 18.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let offset = number as f64 * (WIDTH + LEFT + 30.0) + LEFT;
        let _ = writeln!(text, "<g transform=\"translate({offset:.0} {TOP:.0})\">");
        panel.draw(&mut text);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

fn by_plugins(rows: &[Row]) -> Panel {
    let points = rows.iter().filter_map(|row| match row.entry.pipeline {
        Pipeline::Noops(copies) => Some((copies as f64, row.cpu)),
        _ => None,
    });
    Panel {
        title: "Cost of plugins that do nothing, 1,000 spans a batch",
        x: "plugins",
        logarithmic: false,
        lines: vec![Line {
            name: "Spanmill".to_owned(),
            color: COLORS[2],
            points: points.collect(),
        }],
    }
}

fn by_batch(rows: &[Row]) -> Panel {
    let lines = [
        (Program::NullProxy, Pipeline::Passthrough),
        (Program::Spanmill, Pipeline::Passthrough),
        (Program::Spanmill, Pipeline::Reference),
        (Program::Collector, Pipeline::Passthrough),
        (Program::Collector, Pipeline::Reference),
    ];
    // Those of the first row's size and wire: the others are points of their own.
    let alike = |row: &&Row| {
        let first = rows.first();
        first.is_some_and(|first| row.wire == first.wire && row.bytes.abs_diff(first.bytes) < 120)
    };
    let line = |((program, pipeline), color)| {
        let of = rows.iter().filter(alike);
        let of = of.filter(|row| row.entry.program == program && row.entry.pipeline == pipeline);
        let mut points: Vec<(f64, f64)> = of.map(|row| (row.spans as f64, row.cpu)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line {
            name: format!("{program}, {pipeline}"),
            color,
            points,
        }
    };
    Panel {
        title: "Cost by size of batch",
        x: "spans a batch",
        logarithmic: true,
        lines: lines.into_iter().zip(COLORS).map(line).collect(),
    }
}

impl Panel {
    fn draw(&self, text: &mut String) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let scale = |x: f64| if self.logarithmic { x.log10() } else { x };
        let low = points()
            .map(|(x, _)| scale(*x))
            .fold(f64::INFINITY, f64::min);
        let high = points()
            .map(|(x, _)| scale(*x))
            .fold(f64::NEG_INFINITY, f64::max);
        let step = round_step(points().map(|(_, y)| *y).fold(0.0, f64::max) / 5.0);
        let most = points().map(|(_, y)| *y).fold(0.0, f64::max);
        let top = (most / step).ceil() * step;
        let at_x = |x: f64| (scale(x) - low) / (high - low) * WIDTH;
        let at_y = |y: f64| HEIGHT - y / top * HEIGHT;
        let _ = writeln!(
            text,
            "<text y=\"-16\" font-weight=\"bold\">{}</text>",
            self.title
        );
        let _ = writeln!(
            text,
            "<text x=\"-44\" y=\"{:.0}\" transform=\"rotate(-90 -44 {:.0})\" text-anchor=\"middle\">CPU us a span</text>",
            HEIGHT / 2.0,
            HEIGHT / 2.0
        );
        for tick in 0..=(top / step).round() as u32 {
            let value = f64::from(tick) * step;
            let y = at_y(value);
            let _ = writeln!(
                text,
                "<path d=\"M0 {y:.1}H{WIDTH}\" stroke=\"#e5e7eb\"/><text x=\"-8\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y + 4.0,
                (value * 1000.0).round() / 1000.0
            );
        }
        let mut ticks: Vec<f64> = points().map(|(x, _)| *x).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        for x in ticks {
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x}</text>",
                at_x(x),
                HEIGHT + 18.0
            );
        }
        let _ = writeln!(
            text,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            WIDTH / 2.0,
            HEIGHT + 38.0,
            self.x
        );
        for (number, line) in self.lines.iter().enumerate() {
            let color = line.color;
            let mut path = String::new();
            for (at, (x, y)) in line.points.iter().enumerate() {
                let (x, y) = (at_x(*x), at_y(*y));
                let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
                let _ = writeln!(
                    text,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>"
                );
            }
            let _ = writeln!(
                text,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
            );
            let y = HEIGHT + 60.0 + number as f64 * 18.0;
            let _ = writeln!(
                text,
                "<path d=\"M0 {y:.0}h20\" stroke=\"{color}\" stroke-width=\"2\"/><text x=\"28\" y=\"{:.0}\">{}</text>",
                y + 4.0,
                line.name
            );
        }
    }
}

/// 1, 2 or 5 times a power of ten, not below.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-6).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= least * 0.999)
        .unwrap_or(power)
}
