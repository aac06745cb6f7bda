//! The header row.

use std::collections::BTreeMap;
use std::io::Read;

use super::columns::{self, Field};
use super::formula::restore;
use super::record::{Fault, RawRecord, RecordSource};
use super::{Dialect, FileError, Limits, Problem};

const NAME_CHARS: usize = 255;

pub(super) struct Column {
    /// As the file has it.
    pub(super) name: String,
    /// As the new dialect has it.
    pub(super) key: String,
    pub(super) field: Field,
}

pub(super) struct Header {
    pub(super) dialect: Dialect,
    pub(super) columns: Vec<Column>,
    pub(super) handle: usize,
    pub(super) price: Option<usize>,
    pub(super) warnings: Vec<Problem>,
    places: BTreeMap<Field, usize>,
}

impl Header {
    /// Reads the header and leaves the source at the first data row.
    pub(super) fn read<R: Read>(
        source: &mut RecordSource<R>,
        limits: &Limits,
    ) -> Result<Self, FileError> {
        let bom = recognise(source.head()?)?;
        source.skip(bom);
        let Some(record) = source.next()? else {
            return Err(FileError::Empty);
        };
        let row = record.row;
        match record.fault {
            Some(Fault::Truncated) => return Err(FileError::Truncated { row }),
            Some(Fault::TooLarge | Fault::TooManyFields) => return Err(too_large(limits)),
            None if record.len() > limits.columns => return Err(too_large(limits)),
            None => {}
        }
        let names = names(&record)?;
        if names.iter().any(|name| name.chars().count() > NAME_CHARS) {
            return Err(too_large(limits));
        }
        Self::from_names(row, names)
    }

    fn from_names(row: u64, names: Vec<String>) -> Result<Self, FileError> {
        let mut columns = Vec::with_capacity(names.len());
        let mut keys = BTreeMap::new();
        let mut places = BTreeMap::new();
        let mut warnings = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            let key = columns::canonical_name(&name);
            let field = columns::field_of(&key);
            if field != Field::Unnamed && keys.insert(key.clone(), index).is_some() {
                return Err(FileError::DuplicateColumn { column: name });
            }
            if !field.is_shared() {
                places.insert(field, index);
            }
            if let Some(known) = columns::lookalike(&name) {
                let message = format!(
                    "{name:?} is not a known column; names are case-sensitive: did you mean \
                     {known:?}?"
                );
                warnings.push(Problem::warning(row, Some(&name), "column_case", message));
            }
            columns.push(Column { name, key, field });
        }
        let (Some(&handle), true) = (
            places.get(&Field::Handle),
            places.contains_key(&Field::Title),
        ) else {
            return Err(missing(&columns, &places));
        };
        let old = columns
            .get(handle)
            .is_some_and(|column| column.name == "Handle");
        let dialect = if old { Dialect::Old } else { Dialect::New };
        let price = keys.get(columns::PRICE).copied();
        Ok(Self {
            dialect,
            columns,
            handle,
            price,
            warnings,
            places,
        })
    }

    /// Where the column is, if the file has it.
    pub(super) fn place(&self, field: Field) -> Option<usize> {
        self.places.get(&field).copied()
    }

    /// The file's name for the column.
    pub(super) fn name(&self, field: Field) -> Option<&str> {
        self.place(field)
            .and_then(|index| self.columns.get(index))
            .map(|c| c.name.as_str())
    }
}

fn too_large(limits: &Limits) -> FileError {
    FileError::HeaderTooLarge {
        columns: limits.columns,
    }
}

/// Tells other formats by their first bytes; the length of a byte order mark to skip.
fn recognise(head: &[u8]) -> Result<usize, FileError> {
    if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return Ok(3);
    }
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return Err(FileError::Utf16);
    }
    let found = if head.starts_with(b"PK\x03\x04") {
        "a ZIP archive or an .xlsx workbook"
    } else if head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        "an .xls workbook"
    } else if head.starts_with(&[0x1F, 0x8B]) {
        "compressed with gzip"
    } else if head.starts_with(b"%PDF") {
        "a PDF document"
    } else {
        match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[') => "JSON",
            Some(b'<') => "HTML or XML",
            _ => return Ok(0),
        }
    };
    Err(FileError::NotCsv { found })
}

fn names(record: &RawRecord<'_>) -> Result<Vec<String>, FileError> {
    let mut names = Vec::with_capacity(record.len());
    for field in record.fields() {
        if field.contains(&0) {
            return Err(FileError::NotCsv {
                found: "binary data",
            });
        }
        let Ok(name) = std::str::from_utf8(field) else {
            return Err(FileError::NotUtf8 { row: record.row });
        };
        names.push(restore(name.trim()).trim().to_owned());
    }
    Ok(names)
}

fn missing(found: &[Column], places: &BTreeMap<Field, usize>) -> FileError {
    if let Some(delimiter) = other_delimiter(found) {
        return FileError::WrongDelimiter { found: delimiter };
    }
    let mut names = Vec::new();
    let mut wanted: Vec<&str> = Vec::new();
    if !places.contains_key(&Field::Handle) {
        names.push("\"Handle\" or \"URL handle\"".to_owned());
        wanted.extend(["Handle", "URL handle"]);
    }
    if !places.contains_key(&Field::Title) {
        names.push("\"Title\"".to_owned());
        wanted.push("Title");
    }
    let lookalikes = found
        .iter()
        .filter(|column| {
            wanted
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&column.name))
        })
        .map(|column| format!("{:?}", column.name))
        .collect();
    FileError::MissingColumns {
        columns: names,
        lookalikes,
    }
}

/// The separator with which the header would have the columns it lacks.
fn other_delimiter(columns: &[Column]) -> Option<char> {
    // Spreadsheets write `sep=;` above the header of such files.
    if let Some(separator) = columns
        .first()
        .and_then(|column| column.name.strip_prefix("sep="))
    {
        return Some(separator.chars().next().unwrap_or(','));
    }
    [';', '\t', '|'].into_iter().find(|delimiter| {
        columns
            .iter()
            .flat_map(|column| column.name.split(*delimiter).skip(1))
            .any(|part| {
                let part = part.trim().trim_matches('"');
                ["Handle", "URL handle", "Title"]
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(part))
            })
    })
}
