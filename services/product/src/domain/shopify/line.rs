//! Data rows: text cells in step with the header, or the reason why not.

use super::columns::Field;
use super::formula::restore;
use super::header::Header;
use super::record::{Fault, RawRecord};
use super::value;
use super::{Limits, Problem};

/// Enough to see what is wrong with a row.
const PROBLEMS_PER_ROW: usize = 10;

/// A row with one readable cell per column of the header.
pub(super) struct Line<'a> {
    pub(super) row: u64,
    pub(super) handle: String,
    /// Things noticed while reading the row.
    pub(super) problems: Vec<Problem>,
    cells: Vec<&'a str>,
}

/// A row whose cells cannot be trusted.
pub(super) struct Broken {
    pub(super) row: u64,
    /// Empty when not even this can be read.
    pub(super) handle: String,
    pub(super) problems: Vec<Problem>,
}

pub(super) enum Reading<'a> {
    Blank,
    Line(Line<'a>),
    Broken(Broken),
}

impl<'a> Line<'a> {
    pub(super) fn cell(&self, index: usize) -> &'a str {
        self.cells.get(index).copied().unwrap_or_default()
    }

    /// The cell's text, or `None` when the file has no such column.
    pub(super) fn get(&self, header: &Header, field: Field) -> Option<&'a str> {
        header.place(field).map(|index| self.cell(index))
    }

    /// The cell's text unless it is blank.
    pub(super) fn filled(&self, header: &Header, field: Field) -> Option<&'a str> {
        self.get(header, field)
            .filter(|text| !value::is_blank(text))
    }

    /// About as much memory as keeping the row takes; a later row's product columns are not kept.
    pub(super) fn weight(&self, header: &Header, first: bool) -> usize {
        let cells = header.columns.iter().zip(&self.cells);
        let kept = cells.filter(|(column, cell)| {
            !cell.is_empty() && (first || !column.field.is_product_level())
        });
        256 + kept
            .map(|(column, cell)| column.key.len() + cell.len() + 64)
            .sum::<usize>()
    }
}

/// Reads one record.
pub(super) fn read<'a>(raw: &RawRecord<'a>, header: &Header, limits: &Limits) -> Reading<'a> {
    if raw.fault.is_none() && raw.fields().all(|field| field.trim_ascii().is_empty()) {
        return Reading::Blank;
    }
    let mut problems = shape_problems(raw, header, limits);
    let mut cells = Vec::with_capacity(header.columns.len());
    for (column, field) in header.columns.iter().zip(raw.fields()) {
        let (code, message) = if field.len() > limits.cell_bytes {
            (
                "cell_too_large",
                format!("the cell is larger than {} bytes", limits.cell_bytes),
            )
        } else if field.contains(&0) {
            (
                "nul_character",
                "the cell contains a NUL character".to_owned(),
            )
        } else if let Ok(text) = std::str::from_utf8(field) {
            cells.push(restore(text));
            continue;
        } else {
            (
                "not_utf8",
                "the cell is not UTF-8; save the file as \"CSV UTF-8\"".to_owned(),
            )
        };
        if problems.len() < PROBLEMS_PER_ROW {
            problems.push(Problem::error(raw.row, Some(&column.name), code, message));
        }
    }
    let given = raw
        .field(header.handle)
        .filter(|bytes| bytes.len() <= limits.cell_bytes)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .map(|text| restore(text).trim())
        .unwrap_or_default();
    let handle = given.to_lowercase();
    if handle.is_empty() && problems.is_empty() {
        let message = "the row has no handle, so it belongs to no product".to_owned();
        let column = header.name(Field::Handle);
        problems.push(Problem::error(raw.row, column, "missing_handle", message));
    }
    if !problems.is_empty() {
        return Reading::Broken(Broken {
            row: raw.row,
            handle,
            problems,
        });
    }
    let mut noticed = Vec::new();
    if raw.len() > header.columns.len() {
        let message = "the row has more cells than the header; they are empty".to_owned();
        noticed.push(Problem::warning(raw.row, None, "field_count", message));
    }
    notice_handle(raw.row, given, &handle, header, &mut noticed);
    Reading::Line(Line {
        row: raw.row,
        handle,
        problems: noticed,
        cells,
    })
}

/// What is wrong with the record as a whole.
fn shape_problems(raw: &RawRecord<'_>, header: &Header, limits: &Limits) -> Vec<Problem> {
    let width = header.columns.len();
    let (code, message) = match raw.fault {
        Some(Fault::TooLarge) => (
            "record_too_large",
            format!(
                "the row is larger than {} bytes; is a quote not closed?",
                limits.record_bytes
            ),
        ),
        Some(Fault::Truncated) => (
            "truncated",
            "the file ends inside a quoted cell of this row".to_owned(),
        ),
        Some(Fault::TooManyFields) => (
            "field_count",
            format!("the row has far more cells than the header ({width})"),
        ),
        None => {
            let surplus = raw
                .fields()
                .skip(width)
                .any(|field| !field.trim_ascii().is_empty());
            if raw.len() >= width && !surplus {
                return Vec::new();
            }
            (
                "field_count",
                format!("the row has {} cells, the header has {width}", raw.len()),
            )
        }
    };
    vec![Problem::error(raw.row, None, code, message)]
}

fn notice_handle(row: u64, given: &str, handle: &str, header: &Header, noticed: &mut Vec<Problem>) {
    let column = header.name(Field::Handle);
    if let Some((code, message)) = value::handle_fault(handle) {
        noticed.push(Problem::error(row, column, code, message));
    } else if given != handle {
        let message = format!("the handle {} was taken as {handle:?}", value::shown(given));
        noticed.push(Problem::warning(row, column, "handle_uppercase", message));
    }
}
