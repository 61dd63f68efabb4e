//! Does the standard library define what the RASP tool's library defines?
//!
//! What the functions compute is held against the tool's own values in `fixtures.rs`.

use raspc::ir::lower::{NoFiles, RASPLIB, Session, Thing};
use raspc::source::SourceId;
use raspc::syntax;

const LIBRARY: &str = include_str!("../programs/lib/rasplib.rasp");

#[test]
fn every_name_of_rasplib_is_defined() {
    let session = Session::new(&NoFiles);
    for name in RASPLIB {
        let thing = session.get(name).unwrap_or_else(|| panic!("`{name}` is missing"));
        let right = match name {
            "length" => matches!(thing, Thing::SOp(_)),
            "full_s" => matches!(thing, Thing::Selector(_)),
            _ => matches!(thing, Thing::Function(_)),
        };
        assert!(right, "`{name}` is {}", thing.describe());
    }
}

#[test]
fn the_librarys_text_is_sound() {
    let parsed = syntax::parse(SourceId::NOWHERE, LIBRARY);
    assert_eq!(parsed.errors, []);
    assert_eq!(syntax::warnings(&parsed.ast), []);
}
