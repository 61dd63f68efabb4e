//! Are the networks as small as they are said to be?

use crate::common::tracr;

/// tracr has 92 layers and 11.35 million parameters for these programs, and gets 11 wrong.
#[test]
fn networks_are_smaller_than_those_of_tracr() {
    for length in [10, 20, 50] {
        let rows = tracr::rows(length, 100);
        for row in &rows {
            let small = |ours: usize, theirs: Option<usize>| theirs.is_none_or(|theirs| ours <= theirs);
            assert!(small(row.layers, row.tracr_layers), "{row:?}");
            assert!(small(row.parameters, row.tracr_parameters), "{row:?}");
        }
        let layers: usize = rows.iter().map(|r| r.layers).sum();
        let parameters: usize = rows.iter().map(|r| r.parameters).sum();
        assert!(layers <= 48, "{layers} layers in all, at length {length}");
        assert!(length > 10 || parameters <= 227_000, "{parameters} parameters in all");
    }
}
