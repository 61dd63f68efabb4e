//! Reading programs from files, with what flags say about them.

use super::kind::{self, Kind};
use super::{Exit, Ui, encoding};
use crate::ir::Program;
use crate::ir::lower::{self, Loader, Outside};
use crate::source::Sources;
use crate::syntax;
use anyhow::{Context as _, bail};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Flags that say about a program what it does not say itself, so that any RASP file can be used.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ProgramFlags {
    /// The domain of an input, of at most 100000 values: 'tokens : 0..9' or just '0..9'. Once per column.
    #[arg(long = "input", value_name = "DOMAIN", help_heading = "Declarations")]
    domains: Vec<String>,
    /// The lengths of the input, from 1 to 10000 at most: '1..10', or '10' for 1..10.
    #[arg(long, value_name = "MIN..MAX", help_heading = "Declarations")]
    length: Option<String>,
    /// Let position i see positions 0..i only.
    #[arg(long, help_heading = "Declarations")]
    causal: bool,
    /// An assumption about the input, as in 'distinct(tokens)'.
    #[arg(long, value_name = "EXPR", help_heading = "Declarations")]
    assume: Vec<String>,
    /// An s-op to compute, instead of the program's outputs.
    #[arg(long, value_name = "EXPR", help_heading = "Declarations")]
    output: Vec<String>,
}

impl ProgramFlags {
    /// Domains and lengths as an experiment has them.
    pub fn declaring(domains: &[String], length: Option<&String>) -> Self {
        Self { domains: domains.to_vec(), length: length.cloned(), ..Self::default() }
    }

    /// The first of the flags that was given.
    fn given(&self) -> Option<&'static str> {
        let Self { domains, length, causal, assume, output } = self;
        let flags = [
            (!domains.is_empty(), "--input"),
            (length.is_some(), "--length"),
            (*causal, "--causal"),
            (!assume.is_empty(), "--assume"),
            (!output.is_empty(), "--output"),
        ];
        flags.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// Declarations are for programs.
    pub fn refuse(&self, model: &Path) -> anyhow::Result<()> {
        match self.given() {
            Some(flag) => bail!("{flag} is for programs, and the one inside {} has its own", model.display()),
            None => Ok(()),
        }
    }

    /// The flags as declarations in the language.
    fn outside(&self) -> anyhow::Result<Outside> {
        let Self { domains, length, causal: _, assume, output } = self;
        let given = [("--input", domains), ("--assume", assume), ("--output", output)];
        let given = given.into_iter().flat_map(|(flag, texts)| texts.iter().map(move |text| (flag, text)));
        for (flag, text) in given.chain(length.iter().map(|text| ("--length", text))) {
            // The text becomes a part of one declaration, and must not end it.
            let one = syntax::is_one_piece(text);
            anyhow::ensure!(
                one,
                "{flag} takes one declaration without a `;` and without a comment, not '{text}'"
            );
        }
        let named = |domain: &String| match domain.split_once(':') {
            Some((name, _)) if name.trim().chars().all(|c| c.is_alphanumeric() || c == '_') => domain.clone(),
            _ => format!("{} : {domain}", lower::ONLY_COLUMN),
        };
        let length = length.as_ref().map(|l| if l.contains("..") { l.clone() } else { format!("1..{l}") });
        let mut declarations: String = domains.iter().map(|d| format!("input {};\n", named(d))).collect();
        declarations.extend(length.map(|l| format!("length {l};\n")));
        if self.causal {
            declarations += "attention causal;\n";
        }
        Ok(Outside {
            declarations,
            assumptions: assume.iter().map(|a| format!("assume True and ({a});\n")).collect(),
            outputs: output.iter().map(|o| format!("output {o};\n")).collect(),
        })
    }
}

/// Loads files beside the loading file, then from the current folder.
pub struct Files {
    /// The folder of the main program: names of files are shown relative to it.
    root: PathBuf,
}

impl Files {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl Loader for Files {
    fn load(&self, path: &str, from: &str) -> Result<(String, String), String> {
        let path = PathBuf::from(format!("{}.rasp", path.strip_suffix(".rasp").unwrap_or(path)));
        let beside = Path::new(from).parent().unwrap_or(Path::new("")).join(&path);
        let candidates = [self.root.join(&beside), path.clone()];
        let Some((found, name)) = candidates
            .iter()
            .zip([&beside, &path])
            .find(|(file, _)| file.is_file())
            .map(|(f, n)| (f.clone(), n))
        else {
            return Err("no such file".to_owned());
        };
        let text = read_text(&found).map_err(|e| format!("{e:#}"))?;
        Ok((name.to_string_lossy().replace('\\', "/"), text))
    }
}

/// The text of a file of programs or inputs.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::File::open(path)
        .map_err(Into::into)
        .and_then(read_all)
        .with_context(|| format!("cannot read {}", path.display()))?;
    kind::expect_text(path, &bytes)?;
    encoding::text(bytes).with_context(|| format!("{} cannot be read as text", path.display()))
}

/// All bytes of a text, which may be no file and have no end.
pub fn read_all(from: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = Sources::MAX_BYTES;
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(bytes.len() <= limit, "it has more than the {limit} bytes that a text may have");
    Ok(bytes)
}

/// A program that was read from a file.
pub struct Loaded {
    /// The file's name without its folder, as the program is called everywhere.
    pub name: String,
    pub program: Program,
    pub sources: Sources,
}

/// Reads a program and reports what is wrong with it; none if it has errors.
pub fn load(path: &Path, flags: &ProgramFlags, ui: &Ui) -> anyhow::Result<Result<Loaded, Exit>> {
    kind::expect(path, Kind::Program)?;
    let text = read_text(path)?;
    anyhow::ensure!(
        !lower::is_library(&text),
        "{} is the standard library: every program can use its names, and it is no program itself",
        path.display()
    );
    let name = path.file_name().map_or_else(|| "program.rasp".into(), |n| n.to_string_lossy().into_owned());
    let files = Files::new(path.parent().unwrap_or(Path::new("")));
    let read = lower::read(&name, &text, &files, &flags.outside()?);
    ui.diagnostics(&read.diagnostics, &read.sources);
    Ok(match read.program {
        Some(program) => Ok(Loaded { name, program, sources: read.sources }),
        None => Err(Exit::Rejected),
    })
}

/// The first comment of a program, which says what it computes.
pub fn opening_comment(loaded: &Loaded) -> String {
    let own = loaded.sources.iter().find(|(_, s)| s.name == loaded.name);
    let first = own.and_then(|(_, s)| s.text.lines().next()).unwrap_or_default();
    first.strip_prefix('#').unwrap_or_default().trim().to_owned()
}
