//! `raspc fmt`: programs in one style.

use super::kind::{self, Kind};
use super::program::{read_all, read_text};
use super::{Exit, Ui};
use crate::diagnostic::Diagnostic;
use crate::source::Sources;
use crate::syntax::{self, ast::Ast};
use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Print programs in one style.
///
/// Files are rewritten in place; comments stay, and so does the meaning. A file with syntax errors
/// is left as it is, and so is one that is in style already. `-` reads from standard input and
/// prints the result.
#[derive(clap::Args)]
pub struct FmtArgs {
    /// Programs (.rasp), or - for standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Change nothing: list the files that are not in style, and exit with 3 if there are any.
    #[arg(long)]
    check: bool,
}

pub fn fmt(args: &FmtArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let mut worst = Exit::Done;
    for file in &args.files {
        let done = match file.as_os_str() == "-" {
            true => fmt_stdin(args.check, ui),
            false => fmt_file(file, args.check, ui),
        };
        let exit = done.unwrap_or_else(|error| ui.error(&error));
        if worst == Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

fn fmt_stdin(check: bool, ui: &Ui) -> anyhow::Result<Exit> {
    let bytes = read_all(std::io::stdin().lock()).context("cannot read standard input")?;
    let text = String::from_utf8(bytes).context("standard input is not a text in UTF-8")?;
    let Some(formatted) = formatted("<stdin>", &text, ui)? else { return Ok(Exit::Rejected) };
    if check && formatted != text {
        ui.line("<stdin>");
        return Ok(Exit::Refuted);
    }
    if !check {
        ui.verbatim(&formatted);
    }
    Ok(Exit::Done)
}

fn fmt_file(path: &Path, check: bool, ui: &Ui) -> anyhow::Result<Exit> {
    kind::expect(path, Kind::Program)?;
    let text = read_text(path)?;
    let name = path.display().to_string();
    let Some(formatted) = formatted(&name, &text, ui)? else { return Ok(Exit::Rejected) };
    if formatted == text {
        return Ok(Exit::Done);
    }
    if check {
        ui.line(&name);
        return Ok(Exit::Refuted);
    }
    replace(path, &formatted).with_context(|| format!("cannot write {name}"))?;
    Ok(Exit::Done)
}

/// A program in style; none if it has syntax errors, which are reported.
fn formatted(name: &str, text: &str, ui: &Ui) -> anyhow::Result<Option<String>> {
    let mut sources = Sources::default();
    let (ast, diagnostics) = parse(&mut sources, name, text);
    if !diagnostics.is_empty() {
        ui.diagnostics(&diagnostics, &sources);
        return Ok(None);
    }
    let formatted = syntax::format(&ast, text);
    let (again, errors) = parse(&mut sources, name, &formatted);
    anyhow::ensure!(
        errors.is_empty() && again == ast && again.comments.len() == ast.comments.len(),
        "{name} would not mean the same in style, so it is left as it is; this is a bug of raspc"
    );
    Ok(Some(formatted))
}

fn parse(sources: &mut Sources, name: &str, text: &str) -> (Ast, Vec<Diagnostic>) {
    let parsed = syntax::parse(sources.add(name, text), text);
    (parsed.ast, parsed.errors.iter().map(|e| syntax::describe(e, text)).collect())
}

/// Replaces a file at once: whoever reads it finds the old text or the new one, never a part.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    // A link stays a link; what it points to is replaced.
    let path = std::fs::canonicalize(path)?;
    let permissions = std::fs::metadata(&path)?.permissions();
    anyhow::ensure!(!permissions.readonly(), "it is read-only");
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut file = std::fs::File::create_new(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    Ok(written?)
}
