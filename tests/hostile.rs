//! Files that someone forged: each is refused with a message that names the field, or it does no harm. No panic, no
//! hang, no more than a gigabyte of memory.
//!
//! `RASPC_MUTANTS=20000 cargo test hostile -- --nocapture` tries 20,000; the default is 200.

use crate::common::command::folder;
use crate::common::compiled::compile;
use crate::common::forge::{Draft, assemble, change_header, change_manifest};
use crate::common::number;
use crate::numpy::{compiled, trained};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use raspc::model::{Artifact, ArtifactError, artifact};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command that takes longer hangs: the slowest takes a hundredth of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Memory of a command, in KiB of address space.
const MEMORY: usize = 1 << 20;

/// Runs `raspc` with a gigabyte of memory; gives its exit code and what it said, and how long it took.
fn confined(args: &[&str]) -> (Option<i32>, String, Duration) {
    let script = format!("ulimit -v {MEMORY} && exec \"$0\" \"$@\"");
    let begin = Instant::now();
    // Tests run side by side.
    let name = format!("hostile-{:?}.stderr", std::thread::current().id());
    let said = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut child = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_raspc")])
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{args:?} takes longer than {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    (status.code(), String::from_utf8_lossy(&std::fs::read(said).unwrap()).into_owned(), begin.elapsed())
}

/// Puts a file before every command that reads models; says how long the slowest took.
fn harmless(path: &Path, input: &str, experiment: &Path, what: &str) -> Duration {
    let (path, out) = (path.to_str().unwrap(), format!("{}/run", env!("CARGO_TARGET_TMPDIR")));
    let mut slowest = Duration::ZERO;
    for args in [
        &["verify", "--tests", "20", "--all-up-to", "2000", path][..],
        &["run", path, input],
        &["run", "--trace", path, input],
        &["inspect", path],
        &["inspect", "--json", path, input],
        &["train", experiment.to_str().unwrap(), "--init", path, "--out", &out],
    ] {
        let _ = std::fs::remove_dir_all(&out);
        let (code, said, took) = confined(args);
        assert!(
            matches!(code, Some(0..=4)) && !said.contains("panicked"),
            "{what}: {args:?}: {code:?}, {said}"
        );
        slowest = slowest.max(took);
    }
    slowest
}

/// Whether a message names what it is about.
fn names_its_field(error: &ArtifactError) -> bool {
    match error {
        ArtifactError::Manifest { field, why } => field != "." || why.to_string().contains('`'),
        ArtifactError::Rejected(defect) => defect.field.contains(['.', '[', 's']),
        ArtifactError::Missing { name } | ArtifactError::Extra { name } => !name.is_empty(),
        ArtifactError::Shape { name, .. } | ArtifactError::NotFinite { name } => !name.is_empty(),
        ArtifactError::Hash { part } => !part.is_empty(),
        ArtifactError::Format { .. } | ArtifactError::Foreign => true,
        ArtifactError::Container(_) | ArtifactError::HeaderTooLarge { .. } | ArtifactError::NoHeader => true,
        ArtifactError::Length { .. } | ArtifactError::TooLarge { .. } | ArtifactError::Io(_) => true,
        ArtifactError::Layout => false,
    }
}

/// A model to forge, with an input of it and an experiment that may begin as it.
struct Original {
    artifact: Artifact,
    input: String,
    experiment: PathBuf,
}

fn originals(folder: &Path) -> Vec<Original> {
    let original = |(i, (_, artifact)): (usize, (&str, Artifact))| {
        let config = &artifact.manifest.config;
        let column = |c: &raspc::model::ColumnConfig| {
            let values = json!([raspc::model::json::to_json(&c.vocabulary[0])]);
            (c.name.clone(), values)
        };
        let input = Json::Object(config.columns.iter().map(column).collect()).to_string();
        let sources = &artifact.manifest.sources;
        let program = folder.join(format!("{i}.rasp"));
        let domains = sources[1].text.clone();
        std::fs::write(&program, format!("{domains}\n{}", without_declarations(&sources[2].text, &domains)))
            .unwrap();
        let experiment = folder.join(format!("{i}.toml"));
        let train = "[data]\ntrain = 20\nheld_out = 5\n[train]\nsteps = 2\nbatch = 4\n";
        std::fs::write(&experiment, format!("program = {program:?}\n{train}")).unwrap();
        Original { artifact, input, experiment }
    };
    compiled().into_iter().chain(trained()).enumerate().map(original).collect()
}

/// A program without the declarations that stand in another text.
fn without_declarations(text: &str, others: &str) -> String {
    let declared = |line: &&str| {
        let first: Vec<&str> = line.split_whitespace().take(1).collect();
        !others
            .lines()
            .any(|other| !first.is_empty() && other.split_whitespace().next() == first.first().copied())
    };
    text.lines().filter(declared).collect::<Vec<_>>().join("\n")
}

#[test]
fn forged_manifests_and_headers_do_no_harm() {
    let folder = folder("hostile");
    let originals = originals(&folder);
    for (i, original) in originals.iter().enumerate() {
        let path = folder.join(format!("original-{i}.safetensors"));
        artifact::save(&original.artifact, &path).unwrap();
        let (code, said, _) = confined(&["run", path.to_str().unwrap(), &original.input]);
        assert_eq!(code, Some(0), "original {i}: {said}");
    }
    let (wanted, mut rng) = (number("RASPC_MUTANTS", 200), ChaCha8Rng::seed_from_u64(9));
    let (mut read, mut parsed, mut slowest_read, mut slowest) = (0, 0, Duration::ZERO, Duration::ZERO);
    let path = folder.join("mutant.safetensors");
    for mutant in 0..wanted {
        let original = &originals[mutant % originals.len()];
        let mut draft = Draft::of(&original.artifact);
        let mut what = format!("mutant {mutant}");
        if rng.random_range(0..5) == 0 {
            what += &format!(", {}", change_header(&mut draft, &mut rng));
        } else {
            for _ in 0..rng.random_range(1..=3) {
                what += &format!(", {}", change_manifest(&mut draft.manifest, &mut rng));
            }
            draft.refit(&mut rng);
        }
        parsed += usize::from(draft.parses());
        let file = draft.to_bytes();
        let begin = Instant::now();
        let outcome = std::panic::catch_unwind(|| Artifact::from_bytes(&file));
        slowest_read = slowest_read.max(begin.elapsed());
        match outcome {
            Err(_) => panic!("{what}: panic"),
            Ok(Err(error)) => assert!(names_its_field(&error), "{what}: {error}"),
            Ok(Ok(_)) => {
                read += 1;
                std::fs::write(&path, &file).unwrap();
                slowest = slowest.max(harmless(&path, &original.input, &original.experiment, &what));
            }
        }
    }
    println!(
        "{wanted} mutants: {parsed} with a manifest that parses, {read} that are read and put before six commands, \
         each in at most {MEMORY} KiB of address space; slowest: {slowest_read:?} to read, {slowest:?} for a command"
    );
    assert!(slowest_read < Duration::from_secs(10), "{slowest_read:?}");
    assert!(read * 20 >= wanted, "only {read} of {wanted} mutants are read: the test tests nothing");
}

/// A change of the manifest, and what is said about it.
#[test]
fn every_defect_names_its_field() {
    let program = "input a : {0, 1, \"x\"}; input b : 0..2; length 1..3;
        c = selector_width(select(a, a, ==)); output c; d = b == 1; output d;";
    let artifact = compile(program).artifact;
    let n_ctx = artifact.manifest.config.n_ctx;
    let d_mlp = artifact.manifest.config.layers[0].d_mlp;
    assert!(artifact.manifest.config.bos && d_mlp > 0, "the example has a part of each kind");
    for (at, value, expected) in [
        ("/config/d_model", json!(0), "`config.d_model` is 0; it must be from 1 to 16777215"),
        ("/config/n_ctx", json!((1 << 24) - 1), "`config.n_ctx` is 16777215; it must be from 2 to 10001"),
        ("/config/n_ctx", json!(-1), "cannot be read at `config.n_ctx`: invalid value: integer `-1`"),
        ("/config/n_ctx", json!("3"), "cannot be read at `config.n_ctx`: invalid type: string"),
        ("/config/columns", json!([]), "`config.columns` is empty"),
        ("/config/columns/1/name", json!("a"), "`config.columns[1].name` has the same value as entry 0"),
        ("/config/columns/1/vocabulary", json!([]), "`config.columns[1].vocabulary` is empty"),
        (
            "/config/columns/1/vocabulary",
            json!([2, 0, 2]),
            "`config.columns[1].vocabulary[2]` has the same value as entry 0",
        ),
        (
            "/config/columns/1/vocabulary/0",
            json!(0.5),
            "`config.columns[1].vocabulary[0]`: invalid type: floating point",
        ),
        (
            "/config/columns/1/vocabulary/0",
            json!({ "ratio": "1/0" }),
            "`config.columns[1].vocabulary[0]`: the ratio is not a number",
        ),
        ("/config/outputs", json!([]), "`config.outputs` is empty"),
        ("/config/outputs/1/name", json!("c"), "`config.outputs[1].name` has the same value as entry 0"),
        (
            "/config/outputs/1/decode/values",
            json!([false, true, false]),
            "`config.outputs[1].decode.values[2]` has the same value",
        ),
        (
            "/config/outputs/0/decode",
            json!({ "kind": "numeric", "values": [0, 7, 3], "bound": 0 }),
            "`config.outputs[0].decode.values[2]` is not greater than",
        ),
        (
            "/config/outputs/0/decode",
            json!({ "kind": "numeric", "values": [0, 0], "bound": 0 }),
            "`config.outputs[0].decode.values[1]` is not greater than",
        ),
        (
            "/config/outputs/0/decode",
            json!({ "kind": "numeric", "values": [0, true], "bound": 0 }),
            "`config.outputs[0].decode.values[1]` is not a number",
        ),
        (
            "/config/outputs/0/decode",
            json!({ "kind": "numeric", "values": [], "bound": { "ratio": "-1/2" } }),
            "`config.outputs[0].decode.bound` is negative",
        ),
        (
            "/config/norm",
            json!({ "eps": 0.0, "bias": false }),
            "`config.norm.eps` is 0e0, and must be a positive number in f32",
        ),
        ("/config/tied", json!(true), "`config.tied` needs a logit for each of the 3 tokens of column 0"),
        ("/config/layers/0/heads/0/d_value", json!(0), "`config.layers[0].heads[0].d_value` is 0"),
        ("/config/layers/0/d_mlp", json!(1 << 24), "`config.layers[0].d_mlp` is 16777216"),
        ("/config/activation", json!("elu"), "cannot be read at `config.activation`: unknown variant `elu`"),
        ("/knobs/sharpness", json!(0), "`knobs.sharpness` is 0; it must be from 1 to 256"),
        ("/slots/0/direction", json!(1000), "`slots[0].direction` is 1000"),
        ("/slots/0/bound", json!(-1), "`slots[0].bound` is negative"),
        ("/slots/0/live", json!([1, 0]), "`slots[0].live` ends before it begins"),
        ("/slots/0/live", json!([0, u64::MAX]), "`slots[0].live` is 18446744073709551615"),
        ("/slots/0/owner", json!("blocks.0.attn.7"), "`slots[0].owner` is not the name of a part"),
        (
            "/slots/0/holds",
            json!({ "kind": "numeric", "of": { "column": 2 } }),
            "`slots[0].holds.of.column` is 2",
        ),
        ("/heads/0/layer", json!(9), "`heads[0].layer` is 9"),
        ("/heads/0/head", json!(9), "`heads[0].head` is 9"),
        ("/heads/0/scores/leak", json!(-1), "`heads[0].scores.leak` is negative"),
        ("/neurons/0/layer", json!(9), "`neurons[0].layer` is 9"),
        ("/neurons/0/neurons", json!([36, u64::MAX]), "`neurons[0].neurons[0]` is 36"),
        ("/neurons/0/neurons", json!([0, 1_u64 << 32]), "`neurons[0].neurons[1]` is 4294967296"),
        ("/training", json!("program = \"a.rasp\""), "`slots` is not empty, but the model is trained"),
        ("/format", json!(4), "the file has format 4"),
    ] {
        let mut draft = Draft::of(&artifact);
        match draft.manifest.pointer_mut(at) {
            Some(place) => *place = value.clone(),
            None => {
                let (parent, key) = at.rsplit_once('/').unwrap();
                draft.manifest.pointer_mut(parent).unwrap()[key] = value.clone();
            }
        }
        let error = Artifact::from_bytes(&draft.to_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{at} = {value}: {error}");
    }
    let mut sinusoidal = Draft::of(&artifact);
    sinusoidal.manifest["config"]["positions"] = json!("sinusoidal");
    sinusoidal.manifest["config"]["n_ctx"] = json!(10_001);
    sinusoidal.manifest["config"]["d_model"] = json!(1 << 20);
    let error = Artifact::from_bytes(&sinusoidal.to_bytes()).unwrap_err().to_string();
    assert!(error.contains("`config.positions` is sinusoidal: 10001 positions of 1048576"), "{error}");
    let mut twice = Draft::of(&artifact);
    let first = twice.manifest["neurons"][0].clone();
    twice.manifest["neurons"].as_array_mut().unwrap().insert(0, first);
    let error = Artifact::from_bytes(&twice.to_bytes()).unwrap_err().to_string();
    assert!(error.contains("`neurons[1].neurons` begins before the group before it ends"), "{error}");
    assert!(n_ctx < 10, "the original is small");
}

/// Small files, and large ones, that ask for much.
#[test]
fn files_that_ask_for_much_take_little() {
    let folder = folder("greedy");
    let artifact = compile("input tokens : 0..1; length 1..3; output shift(tokens, 1, 5);").artifact;
    let with = |change: &dyn Fn(&mut Json)| {
        let mut draft = Draft::of(&artifact);
        change(&mut draft.manifest);
        draft.to_bytes()
    };
    let many = |n: usize| Json::Array(vec![json!(0); n]);
    let whole = Draft::of(&artifact).to_bytes();
    let tensors = (0..120_000)
        .map(|i| (format!("t{i}"), json!({ "dtype": "F32", "shape": [0], "data_offsets": [0, 0] })));
    let tensors = Json::Object(tensors.collect()).to_string();
    let keys = Json::Object((0..1_200_000).map(|i| (format!("{i}"), json!(""))).collect());
    let files = [
        (
            "sinusoids",
            with(&|m| {
                m["config"]["positions"] = json!("sinusoidal");
                m["config"]["n_ctx"] = json!((1 << 24) - 1);
            }),
        ),
        ("long list", with(&|m| m["config"]["columns"][0]["vocabulary"] = many(200_000))),
        ("long decode list", with(&|m| m["config"]["outputs"][0]["decode"]["values"] = many(7_000_000))),
        (
            "layers",
            with(&|m| m["config"]["layers"] = vec![json!({ "heads": [], "d_mlp": 0 }); 600_000].into()),
        ),
        (
            "slots",
            with(&|m| {
                let slot = m["slots"][0].clone();
                m["slots"] = vec![slot; 80_000].into();
            }),
        ),
        ("nested", with(&|m| m["program"] = (0..120).fold(json!(0), |inner, _| json!([inner])))),
        ("deep header", assemble(format!("{{\"a\":{}", "[".repeat(8 << 20)).as_bytes(), &[])),
        ("tensors", assemble(tensors.as_bytes(), &[])),
        ("metadata", assemble(json!({ "__metadata__": keys }).to_string().as_bytes(), &[])),
        ("header of zeros", [&(1_u64 << 40).to_le_bytes()[..], b"{", &[0; 100]].concat()),
        ("tail", [&whole[..], &[0; 1000]].concat()),
    ];
    let check = |name: &str, path: &Path| {
        let (code, said, took) = confined(&["inspect", path.to_str().unwrap()]);
        println!("{name}: {took:?}, {said:.200}");
        // Slots that stand there often are no lie; everything else is refused.
        let expected = if name == "slots" { (0, "") } else { (1, "cannot load") };
        assert_eq!(code, Some(expected.0), "{name}: {said}");
        assert!(!said.contains("panicked") && said.contains(expected.1), "{name}: {said}");
    };
    for (name, file) in files {
        let path = folder.join(format!("{name}.safetensors"));
        std::fs::write(&path, file).unwrap();
        check(name, &path);
        std::fs::remove_file(&path).unwrap();
    }
    // A hole behind the file takes no room on the disk.
    let path = folder.join("hole.safetensors");
    std::fs::write(&path, &whole).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    check("hole", &path);
}

#[test]
fn what_is_read_is_written_the_same() {
    let folders = ["compiled", "compiled/sql"].map(|f| Path::new(env!("CARGO_MANIFEST_DIR")).join(f));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
    let mut files: Vec<Vec<u8>> = files.map(|path| std::fs::read(path).unwrap()).collect();
    files.extend(trained().into_iter().map(|(_, artifact)| artifact.to_bytes().unwrap()));
    assert!(files.len() > 60);
    for file in files {
        assert!(Artifact::from_bytes(&file).unwrap().to_bytes().unwrap() == file);
    }
}
