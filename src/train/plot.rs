//! Lines over a common axis, as an SVG picture.

use std::fmt::Write as _;

/// Panels one above the other, which share their x axis.
pub struct Plot {
    pub title: String,
    pub x: String,
    pub panels: Vec<Panel>,
}

/// Lines over one y axis.
pub struct Panel {
    pub y: String,
    pub scale: Scale,
    pub lines: Vec<Line>,
}

/// Where a number lies on the y axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// By its logarithm; numbers that are not positive are left out.
    Log,
    /// In proportion; the axis ends at this number if all are below it.
    UpTo(f64),
}

pub struct Line {
    /// What the legend says; none leaves the line out of it.
    pub name: Option<String>,
    /// Which of [`COLOURS`].
    pub colour: usize,
    /// One of many, drawn thinly.
    pub thin: bool,
    /// By ascending x.
    pub points: Vec<(f64, f64)>,
}

/// Blue, vermilion and green, which are also told apart by people who confuse red and green.
pub const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

/// Of the picture and of each panel, in pixels.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 230.0;
/// What surrounds panels: numbers stand to the left of them, the legend to the right.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 164.0;
const TOP: f64 = 40.0;
const BETWEEN: f64 = 26.0;
const BOTTOM: f64 = 48.0;

impl Plot {
    /// The picture, a whole file.
    pub fn svg(&self) -> String {
        let x = self.x_axis();
        let height = TOP + self.panels.len() as f64 * (HEIGHT + BETWEEN) - BETWEEN + BOTTOM;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        text(&mut svg, (LEFT, TOP - 16.0), "start\" font-size=\"14\" font-weight=\"bold", &self.title);
        for (i, panel) in self.panels.iter().enumerate() {
            panel.draw(&mut svg, &x, TOP + i as f64 * (HEIGHT + BETWEEN));
        }
        let foot = height - BOTTOM;
        for at in x.ticks() {
            text(&mut svg, (x.place(at), foot + 18.0), "middle", &label(at));
        }
        text(&mut svg, ((LEFT + WIDTH - RIGHT) / 2.0, foot + 38.0), "middle", &self.x);
        svg + "</svg>\n"
    }

    fn x_axis(&self) -> Axis {
        let last = self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| line.points.last());
        let most = last.map(|(x, _)| *x).fold(0.0, f64::max);
        Axis { log: false, least: 0.0, most: most.max(1.0), from: LEFT, to: WIDTH - RIGHT }
    }
}

impl Panel {
    fn draw(&self, svg: &mut String, x: &Axis, top: f64) {
        let y = self.y_axis(top);
        for at in x.ticks() {
            let x = x.place(at);
            rule(svg, (x, top), (x, top + HEIGHT));
        }
        for at in y.ticks() {
            rule(svg, (x.from, y.place(at)), (x.to, y.place(at)));
            text(svg, (LEFT - 8.0, y.place(at) + 4.0), "end", &label(at));
        }
        let (width, middle) = (x.to - x.from, top + HEIGHT / 2.0);
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#888\"/>"
        );
        let turned = format!("middle\" transform=\"rotate(-90 16 {middle})");
        text(svg, (16.0, middle), &turned, &self.y);
        for line in &self.lines {
            line.draw(svg, x, &y);
        }
        for (i, line) in self.lines.iter().filter(|line| line.name.is_some()).enumerate() {
            let (at, from) = (top + 12.0 + 20.0 * i as f64, x.to + 12.0);
            let colour = COLOURS[line.colour % COLOURS.len()];
            let to = from + 22.0;
            let _ = writeln!(
                svg,
                "<line x1=\"{from}\" y1=\"{at}\" x2=\"{to}\" y2=\"{at}\" stroke=\"{colour}\" stroke-width=\"2\"/>"
            );
            text(svg, (from + 28.0, at + 4.0), "start", line.name.as_deref().unwrap_or_default());
        }
    }

    fn y_axis(&self, top: f64) -> Axis {
        let log = self.scale == Scale::Log;
        let points = self.lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
        let shown: Vec<f64> = points.filter(|y| y.is_finite() && (*y > 0.0 || !log)).collect();
        let mut least = shown.iter().copied().fold(f64::INFINITY, f64::min);
        let mut most = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if let Scale::UpTo(end) = self.scale {
            most = most.max(end);
        }
        (least, most) = match (least < most, log) {
            (true, _) => (least, most),
            (false, true) if least.is_finite() => (least / 2.0, least * 2.0),
            (false, true) => (0.1, 1.0),
            (false, false) => (most - 1.0, most),
        };
        // A little room, so that no line hides behind the frame.
        let room = if log { (most / least).ln() } else { most - least } * 0.03;
        let (least, most) = match log {
            true => (least * (-room).exp(), most * room.exp()),
            false => (least - room, most + room),
        };
        Axis { log, least, most, from: top + HEIGHT, to: top }
    }
}

impl Line {
    fn draw(&self, svg: &mut String, x: &Axis, y: &Axis) {
        let mut points = String::new();
        for (at, value) in &self.points {
            if value.is_finite() && (*value > 0.0 || !y.log) {
                let _ = write!(points, "{:.1},{:.1} ", x.place(*at), y.place(*value));
            }
        }
        let (width, opacity) = if self.thin { (0.8, 0.35) } else { (1.8, 1.0) };
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" opacity=\"{opacity}\" \
             stroke-linejoin=\"round\"/>",
            points.trim_end(),
            COLOURS[self.colour % COLOURS.len()]
        );
    }
}

/// Numbers along a stretch of pixels.
struct Axis {
    log: bool,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn place(&self, number: f64) -> f64 {
        let share = match self.log {
            true => (number / self.least).ln() / (self.most / self.least).ln(),
            false => (number - self.least) / (self.most - self.least),
        };
        self.from + share * (self.to - self.from)
    }

    /// Round numbers on the axis, three to seven.
    fn ticks(&self) -> Vec<f64> {
        let step = step((self.most - self.least) / 6.0);
        let first = (self.least / step).ceil() as i64;
        let even = (first..).map(|i| i as f64 * step).take_while(|at| *at <= self.most);
        // On a logarithmic axis powers of ten, of which there are few if it is short.
        let decades = if self.log { (self.most / self.least).log10() } else { 0.0 };
        if decades < 1.0 {
            return even.collect();
        }
        let within: &[f64] = if decades < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = (decades / 6.0).ceil() as i32;
        let powers = self.least.log10().floor() as i32..=self.most.log10().ceil() as i32;
        let powers = powers.filter(|power| power % every == 0);
        let all = powers.flat_map(|power| within.iter().map(move |digit| digit * 10f64.powi(power)));
        all.filter(|at| (self.least..=self.most).contains(at)).collect()
    }
}

/// The least of 1, 2 and 5 times a power of ten that is no less than this.
fn step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// `20,000`, `0.05`, `1e-5`
fn label(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-3 => format!("{number:e}"),
        size if size >= 10_000.0 => {
            let (thousands, rest) = ((number / 1000.0).trunc(), size % 1000.0);
            format!("{thousands},{rest:03}")
        }
        // Multiples of a tick may be off by rounding.
        _ => format!("{}", (number * 1e6).round() / 1e6),
    }
}

/// A line of the grid.
fn rule(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#e4e4e4\"/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}
