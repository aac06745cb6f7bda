//! What makes a whole file unreadable, or a product unwritable.

use std::io;

/// A problem of the file itself, after which nothing more can be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No header row.
    #[error("the file is empty")]
    Empty,
    /// The header row is not UTF-8. (In a data row this is a problem of that row's product.)
    #[error("row {row} is not UTF-8; save the file as \"CSV UTF-8\"")]
    NotUtf8 {
        /// The row, as a spreadsheet counts.
        row: u64,
    },
    /// A UTF-16 byte order mark.
    #[error("the file is UTF-16; save it as \"CSV UTF-8\"")]
    Utf16,
    /// Recognisably another kind of file.
    #[error("the file is not CSV: {found}")]
    NotCsv {
        /// What it looks like.
        found: &'static str,
    },
    /// Columns separated by something other than a comma.
    #[error("columns must be separated by commas, this file uses {found:?}")]
    WrongDelimiter {
        /// The separator the header uses.
        found: char,
    },
    /// The handle or the title column is not there.
    #[error("{}", missing_columns(columns, lookalikes))]
    MissingColumns {
        /// The names that were looked for.
        columns: Vec<String>,
        /// Columns that differ from a missing one only by upper and lower case.
        lookalikes: Vec<String>,
    },
    /// Two columns mean the same thing.
    #[error("the header names the column {column:?} twice")]
    DuplicateColumn {
        /// The second of them.
        column: String,
    },
    /// The header has too many columns, or names of absurd length.
    #[error("the header is too large: at most {columns} columns with names of 255 characters")]
    HeaderTooLarge {
        /// The allowed number of columns.
        columns: usize,
    },
    /// The file ends inside a quoted cell: it was cut off, or a quote is never closed.
    #[error("the file ends inside a quoted cell that began in row {row}")]
    Truncated {
        /// The row in which the unfinished record began.
        row: u64,
    },
    /// This product cannot be written so that it reads back the same.
    #[error("product {handle:?} cannot be exported: {reason}")]
    Unwritable {
        /// The product's handle; empty when the header itself is at fault.
        handle: String,
        /// Why.
        reason: String,
    },
    /// The underlying reader or writer failed.
    #[error("reading or writing the file failed")]
    Io(#[from] io::Error),
}

impl FileError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "file_empty",
            Self::NotUtf8 { .. } => "file_not_utf8",
            Self::Utf16 => "file_utf16",
            Self::NotCsv { .. } => "file_not_csv",
            Self::WrongDelimiter { .. } => "file_wrong_delimiter",
            Self::MissingColumns { .. } => "file_missing_columns",
            Self::DuplicateColumn { .. } => "file_duplicate_column",
            Self::HeaderTooLarge { .. } => "file_header_too_large",
            Self::Truncated { .. } => "file_truncated",
            Self::Unwritable { .. } => "export_unwritable",
            Self::Io(_) => "file_io",
        }
    }
}

impl From<csv::Error> for FileError {
    fn from(error: csv::Error) -> Self {
        Self::Io(io::Error::from(error))
    }
}

fn missing_columns(columns: &[String], lookalikes: &[String]) -> String {
    let mut text = format!("the header lacks {}", columns.join(", "));
    if !lookalikes.is_empty() {
        text.push_str("; column names are case-sensitive, found ");
        text.push_str(&lookalikes.join(", "));
    }
    text
}
