//! Does the interpreter compute what the RASP tool and tracr's evaluator computed?

use crate::common::fixture::Fixture;
use raspc::interp::{self, Interpreter};
use raspc::ir::Node;
use raspc::ir::lower::{NoFiles, Session, Thing};
use raspc::value::Value;

/// The value of an expression of the RASP tool, on an input: one list, or one per row.
fn run_expression(session: &Session<'_>, thing: &Thing, input: &[Value]) -> Result<Vec<Vec<Value>>, String> {
    let node = match thing {
        Thing::SOp(sop) => Node::SOp(*sop),
        Thing::Selector(selector) => Node::Selector(*selector),
        other => return Err(format!("this is {}", other.describe())),
    };
    let graph = &session.program.graph;
    let trace = interp::run(graph, &graph.live([node]), &[input.to_vec()], false)
        .map_err(|failure| failure.fault.to_string())?;
    Ok(match node {
        Node::SOp(sop) => vec![trace.sop(sop).unwrap().to_vec()],
        Node::Selector(selector) => {
            let matrix = trace.selector(selector).unwrap();
            let row = |q| matrix.row(q).iter().map(|&selected| Value::Bool(selected)).collect();
            (0..matrix.n()).map(row).collect()
        }
    })
}

#[test]
fn expressions_mean_what_they_mean_to_the_rasp_tool() {
    let fixtures = Fixture::all("rasp_");
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let mut session = Session::new(&NoFiles);
        let fed = session.feed(&fixture.name, &fixture.source());
        assert!(!fed.has_errors(), "{}: {:?}", fixture.name, fed.diagnostics);
        let thing = session.get("out").unwrap();
        let is_selector = matches!(thing, Thing::Selector(_));
        assert_eq!(is_selector, fixture.text("kind") == "selector", "{}", fixture.name);
        wrong.extend(fixture.disagreement(|input| run_expression(&session, &thing, input)));
    }
    assert_eq!(fixtures.len(), 59);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_compute_what_tracr_and_the_peak_set_say() {
    let mut fixtures = Fixture::all("tracr_");
    fixtures.extend(Fixture::all("llc_"));
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let program = fixture.program().program.unwrap();
        assert_eq!(Some(program.causal), fixture.param("causal").as_bool(), "{}", fixture.name);
        let interpreter = Interpreter::new(&program);
        wrong.extend(fixture.disagreement(|input| {
            let columns = [input.to_vec()];
            assert!(interpreter.broken_assumption(&columns).is_none(), "{}: {input:?}", fixture.name);
            interpreter.outputs(&columns).map_err(|failure| failure.fault.to_string())
        }));
    }
    assert_eq!(fixtures.len(), 40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
