//! Pictures of runs.

use raspc::train::{Curve, Evaluation, picture};

/// The metrics of a run whose loss halves every hundred steps.
fn curve(scale: f64) -> Curve {
    let loss = |step: usize| scale * 0.5f64.powf(step as f64 / 100.0);
    let evaluation = |step: usize| Evaluation {
        loss: 2.0 * loss(step),
        token_accuracy: 1.0 - loss(step) / 4.0,
        sequence_accuracy: 1.0 - loss(step) / 2.0,
        sequences: 100,
    };
    Curve {
        loss: (10..=1000).step_by(10).map(|step| (step as f64, loss(step))).collect(),
        held_out: (0..=1000).step_by(200).map(|step| (step as f64, evaluation(step))).collect(),
    }
}

/// The points of every line, and how thick it is.
fn lines(svg: &str) -> Vec<(Vec<(f64, f64)>, bool)> {
    let of = |line: &str| {
        let points = line.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let point = |pair: &str| {
            let (x, y) = pair.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        (points.split_whitespace().map(point).collect(), line.contains("opacity=\"0."))
    };
    svg.lines().filter(|line| line.starts_with("<polyline")).map(of).collect()
}

#[test]
fn a_run_is_drawn_with_all_its_points() {
    let svg = picture("peak & <others>", &[curve(1.0)]);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("peak &amp; &lt;others&gt;"));
    for words in ["training", "held out", "tokens", "sequences", "step", "loss", ">1000<", ">0.1<", ">100<"] {
        assert!(svg.contains(words), "{words} is missing");
    }
    let lines = lines(&svg);
    assert_eq!(lines.iter().map(|(points, _)| points.len()).collect::<Vec<_>>(), [100, 6, 6, 6]);
    // On a logarithmic axis a loss that halves again and again is a straight line; y grows downwards.
    let loss = &lines[0].0;
    let slope = |a: (f64, f64), b: (f64, f64)| (b.1 - a.1) / (b.0 - a.0);
    assert!((slope(loss[0], loss[50]) - slope(loss[50], loss[99])).abs() < 0.01);
    assert!(slope(loss[0], loss[99]) > 0.1);
    let sequences = &lines[3].0;
    assert!(sequences[5].1 < sequences[0].1 && sequences[0].1 > lines[2].0[0].1);
    let inside = |&(x, y): &(f64, f64)| (0.0..760.0).contains(&x) && (0.0..600.0).contains(&y);
    assert!(lines.iter().flat_map(|(points, _)| points).all(inside));
}

#[test]
fn several_runs_are_thin_lines_around_their_median() {
    let svg = picture("peak", &[curve(1.0), curve(4.0), curve(2.0)]);
    let lines = lines(&svg);
    let thin: Vec<bool> = lines.iter().map(|(_, thin)| *thin).collect();
    assert_eq!(thin, [[true, true, true, false]; 4].concat());
    assert_eq!(lines[3].0, lines[2].0, "the median of three is the middle one");
    assert!(svg.contains("training (median)"));
}

#[test]
fn pictures_of_little_or_strange_data_have_no_points_outside() {
    let held_out = |loss: f64| {
        vec![(0.0, Evaluation { loss, token_accuracy: 1.0, sequence_accuracy: 1.0, sequences: 1 })]
    };
    for loss in [0.0, 1e-30, 3.0, f64::NAN, f64::INFINITY] {
        let curve = Curve { loss: vec![(10.0, loss), (20.0, loss)], held_out: held_out(loss) };
        let svg = picture("strange", &[curve]);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{loss}: {svg}");
    }
    assert!(picture("nothing", &[]).ends_with("</svg>\n"));
}
