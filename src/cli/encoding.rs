//! Decodes the text of files.

use anyhow::bail;

/// The text of bytes in UTF-8. Of other encodings, an error says which it looks like, and where.
pub fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    const SAVE: &str = "save it as UTF-8";
    // Every other byte of ASCII text in UTF-16 is 0.
    let zeros = bytes.iter().take(1_000).filter(|byte| **byte == 0).count();
    let marked = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if marked || zeros > 0 && 3 * zeros >= bytes.len().min(1_000) {
        bail!("it looks like UTF-16; {SAVE}");
    }
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let place = error.utf8_error().valid_up_to();
    let (before, rest) = error.as_bytes().split_at(place);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let written = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let column = 1 + String::from_utf8_lossy(written).chars().count();
    let byte = rest.first().copied().unwrap_or_default();
    // Latin-1 has its letters from 0xa0 on, at the numbers that Unicode has them.
    let latin = match byte {
        0xa0..=0xff => format!(", which is `{}` in Latin-1", char::from(byte)),
        _ => String::new(),
    };
    bail!("line {line}, column {column}: the byte {byte:#04x} is not UTF-8{latin}; {SAVE}")
}
