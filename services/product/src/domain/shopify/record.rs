//! CSV records in bounded memory, numbered as a spreadsheet numbers its rows.

use std::io::{self, Read};

use csv_core::ReadRecordResult;

use super::Limits;

const INPUT_BYTES: usize = 64 * 1024;
const SCRATCH_BYTES: usize = 4 * 1024;
const SCRATCH_ENDS: usize = 64;

/// Why only the beginning of a record was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLarge,
    TooManyFields,
    /// The file ended inside quotes.
    Truncated,
}

/// One record; with a fault, those of its fields that were complete before it.
pub(super) struct RawRecord<'a> {
    pub(super) row: u64,
    pub(super) fault: Option<Fault>,
    text: &'a [u8],
    ends: &'a [usize],
}

impl<'a> RawRecord<'a> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn field(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(previous) => *self.ends.get(previous)?,
            None => 0,
        };
        self.text.get(start..end)
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        (0..self.len()).filter_map(|index| self.field(index))
    }
}

/// Reads records one after the other.
///
/// A record over the limit is consumed to its end without being kept, so that a quote that is
/// never closed costs time but no memory.
pub(super) struct RecordSource<R> {
    input: R,
    parser: csv_core::Reader,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// The last byte consumed, to tell the second half of `\r\n` from an empty line.
    last: u8,
    text: Vec<u8>,
    ends: Vec<usize>,
    text_limit: usize,
    ends_limit: usize,
    row: u64,
}

impl<R: Read> RecordSource<R> {
    pub(super) fn new(input: R, limits: &Limits) -> Self {
        let text_limit = limits.record_bytes.max(1);
        // One more than the header may have, so that a row that is one field too long is seen.
        let ends_limit = limits.columns.saturating_add(2);
        Self {
            input,
            parser: csv_core::Reader::new(),
            buffer: vec![0; INPUT_BYTES],
            start: 0,
            end: 0,
            at_end: false,
            last: 0,
            text: vec![0; text_limit.min(SCRATCH_BYTES)],
            ends: vec![0; ends_limit.min(SCRATCH_ENDS)],
            text_limit,
            ends_limit,
            row: 0,
        }
    }

    /// The first bytes of the file, at least four unless it is shorter. Only before any record.
    pub(super) fn head(&mut self) -> io::Result<&[u8]> {
        while self.end < 4 && !self.at_end {
            self.read_more()?;
        }
        Ok(self.pending())
    }

    /// Passes over bytes that `head` showed.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
    }

    /// The next record that is not an empty line.
    pub(super) fn next(&mut self) -> io::Result<Option<RawRecord<'_>>> {
        if !self.skip_empty_lines()? {
            return Ok(None);
        }
        self.row += 1;
        let (mut text_len, mut ends_len) = (0, 0);
        let mut fault = None;
        let (mut scratch, mut scratch_ends) = ([0; SCRATCH_BYTES], [0; SCRATCH_ENDS]);
        loop {
            self.fill()?;
            let closing = self.start == self.end;
            // At the end of the file a line break completes every record except one inside
            // quotes, which takes it for text: the parser does not tell these apart by itself.
            let input = if closing {
                b"\n"
            } else {
                self.buffer.get(self.start..self.end).unwrap_or_default()
            };
            let (text, ends) = if fault.is_none() {
                (
                    self.text.get_mut(text_len..).unwrap_or_default(),
                    self.ends.get_mut(ends_len..).unwrap_or_default(),
                )
            } else {
                (scratch.as_mut_slice(), scratch_ends.as_mut_slice())
            };
            let (result, read, wrote, ended) = self.parser.read_record(input, text, ends);
            if let Some(&byte) = read.checked_sub(1).and_then(|index| input.get(index)) {
                self.last = byte;
            }
            if !closing {
                self.start += read;
            }
            if fault.is_none() {
                text_len += wrote;
                ends_len += ended;
            }
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::InputEmpty if closing => {
                    fault = Some(Fault::Truncated);
                    break;
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if fault.is_none() => {
                    if !grow(&mut self.text, self.text_limit) {
                        fault = Some(Fault::TooLarge);
                    }
                }
                ReadRecordResult::OutputEndsFull if fault.is_none() => {
                    if !grow(&mut self.ends, self.ends_limit) {
                        fault = Some(Fault::TooManyFields);
                    }
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
        Ok(Some(RawRecord {
            row: self.row,
            fault,
            text: self.text.get(..text_len).unwrap_or_default(),
            ends: self.ends.get(..ends_len).unwrap_or_default(),
        }))
    }

    /// Counts empty lines, which the parser would skip unseen, as the rows they are in a
    /// spreadsheet. False at the end of the file.
    fn skip_empty_lines(&mut self) -> io::Result<bool> {
        loop {
            self.fill()?;
            match self.pending().first() {
                None => return Ok(false),
                Some(b'\n') if self.last == b'\r' => self.last = b'\n',
                Some(&byte @ (b'\r' | b'\n')) => {
                    self.row += 1;
                    self.last = byte;
                }
                Some(_) => return Ok(true),
            }
            self.start += 1;
        }
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end && !self.at_end {
            self.start = 0;
            self.end = 0;
            self.read_more()?;
        }
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<()> {
        let space = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.input.read(space) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(());
                }
                Ok(bytes) => {
                    self.end += bytes;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Doubles a buffer up to its limit; false when it is there already.
fn grow<T: Clone + Default>(buffer: &mut Vec<T>, limit: usize) -> bool {
    let larger = buffer.len().saturating_mul(2).min(limit);
    if larger <= buffer.len() {
        return false;
    }
    buffer.resize(larger, T::default());
    true
}
