//! Cells that a spreadsheet would run as a formula.

/// The text to write for a cell: text that a spreadsheet may take for a formula gets a leading
/// `'`. Text that merely looks as if it had been treated gets one more, which is what makes
/// [`restore`] exact for every string.
pub fn neutralise(text: &str) -> std::borrow::Cow<'_, str> {
    if looks_like_formula(text) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

/// The text a cell stands for: undoes [`neutralise`].
pub fn restore(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if looks_like_formula(cell) => text,
        _ => cell,
    }
}

fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'')
        .starts_with(['=', '+', '-', '@', '\t', '\r'])
}
