//! Two panels as SVG: cost against the number of plugins, and against the size of batches.

use std::fmt::Write as _;

use spanmill_otlp::Signal;

use super::contestants::Program;
use super::load::GRPC;
use super::manifest::Pipeline;
use super::numbers::with_commas;
use super::results::Point;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const COLORS: [&str; 6] = [
    "#6b7280", "#86b6f2", "#1d6fd1", "#2c9a5b", "#f2b483", "#d1621d",
];
/// Bytes a span, in both panels.
const BYTES: usize = 500;

/// A line: its name, its colour, and points of x and y.
struct Line {
    name: String,
    color: &'static str,
    points: Vec<(f64, f64)>,
}

struct Panel {
    title: &'static str,
    x: &'static str,
    /// Whether x goes by factors; y always does.
    logarithmic: bool,
    lines: Vec<Line>,
}

/// The plot of what was found; panels without lines are left out.
pub fn svg(points: &[Point<'_>]) -> String {
    let panels: Vec<Panel> = [by_plugins(points), by_batch(points)]
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

fn line(name: String, color: &'static str, points: impl Iterator<Item = (f64, f64)>) -> Line {
    let mut points: Vec<(f64, f64)> = points.collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Line {
        name,
        color,
        points,
    }
}

fn by_plugins(points: &[Point<'_>]) -> Panel {
    let of = |spans| {
        points.iter().filter_map(move |point| {
            let Pipeline::Noops(copies) = point.entry.pipeline else {
                return None;
            };
            (point.group.shape.items == spans).then_some((copies as f64, point.cpu))
        })
    };
    let sizes = [10, 100, 1000, 8192].into_iter().zip(COLORS);
    let lines = sizes.map(|(spans, color)| {
        let name = format!("{} spans a batch", with_commas(spans as u64));
        line(name, color, of(spans))
    });
    Panel {
        title: "Spanmill with plugins that do nothing",
        x: "plugins",
        logarithmic: false,
        lines: lines.filter(|line| !line.points.is_empty()).collect(),
    }
}

fn by_batch(points: &[Point<'_>]) -> Panel {
    let entries = [
        (Program::NullProxy, Pipeline::Passthrough),
        (Program::Spanmill, Pipeline::Passthrough),
        (Program::Spanmill, Pipeline::Reference),
        (Program::Native, Pipeline::Reference),
        (Program::Collector, Pipeline::Passthrough),
        (Program::Collector, Pipeline::Reference),
    ];
    let lines = entries
        .into_iter()
        .zip(COLORS)
        .map(|((program, pipeline), color)| {
            let of = points.iter().filter(|point| {
                let (group, entry) = (point.group, point.entry);
                // The others are points of their own.
                let shape = group.shape;
                let alike =
                    group.wire == GRPC && (shape.signal, shape.bytes) == (Signal::Traces, BYTES);
                alike && entry.program == program && entry.pipeline == pipeline
            });
            let of = of.map(|point| (point.group.shape.items as f64, point.cpu));
            line(format!("{program}, {pipeline}"), color, of)
        });
    Panel {
        title: "Cost by size of batch",
        x: "spans a batch",
        logarithmic: true,
        lines: lines.filter(|line| !line.points.is_empty()).collect(),
    }
}

impl Panel {
    fn draw(&self, text: &mut String) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let scale = |x: f64| if self.logarithmic { x.log10() } else { x };
        let (left, right) = extent(points().map(|(x, _)| scale(*x)));
        let (least, most) = extent(points().map(|(_, y)| y.log10()));
        // From one round figure to another.
        let marks: Vec<f64> = marks(10f64.powf(least), 10f64.powf(most));
        let (bottom, top) = extent(marks.iter().map(|mark| mark.log10()));
        let at_x = |x: f64| (scale(x) - left) / (right - left).max(1e-9) * WIDTH;
        let at_y = |y: f64| HEIGHT - (y.log10() - bottom) / (top - bottom).max(1e-9) * HEIGHT;
        let (title, middle) = (self.title, HEIGHT / 2.0);
        let _ = writeln!(
            text,
            "<text y=\"-16\" font-weight=\"bold\">{title}</text>\n<text x=\"-44\" y=\"{middle:.0}\" transform=\"rotate(-90 -44 {middle:.0})\" text-anchor=\"middle\">CPU us a span</text>",
        );
        for mark in marks {
            let y = at_y(mark);
            let _ = writeln!(
                text,
                "<path d=\"M0 {y:.1}H{WIDTH}\" stroke=\"#e5e7eb\"/><text x=\"-8\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y + 4.0,
                (mark * 1000.0).round() / 1000.0
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

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// 1, 2 and 5 times powers of ten: from the last that is not above `least` to the first that is not below `most`.
fn marks(least: f64, most: f64) -> Vec<f64> {
    let (from, to) = (least.log10().floor() as i32, most.log10().ceil() as i32);
    let all: Vec<f64> = (from..=to)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)))
        .collect();
    let first = all.iter().rposition(|mark| *mark <= least).unwrap_or(0);
    let last = all.iter().position(|mark| *mark >= most);
    let last = last.unwrap_or(all.len().saturating_sub(1));
    all.get(first..=last).unwrap_or_default().to_vec()
}
