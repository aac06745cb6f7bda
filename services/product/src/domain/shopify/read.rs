//! Rows to products.

use std::collections::VecDeque;
use std::io::Read;

use super::group::Group;
use super::header::Header;
use super::line::{self, Broken, Line, Reading};
use super::record::{Fault, RecordSource};
use super::{Dialect, FileError, Limits, Problem, ProductRows};

/// At most this many runs of broken rows wait until it is clear whose they are.
const HELD_BACK: usize = 16;

/// Reads a file product by product.
///
/// It is an iterator that ends after an error. Whatever it yields as a product is complete or
/// says by its problems that it is not.
pub struct ProductReader<R> {
    source: RecordSource<R>,
    products: Products,
    done: bool,
    failure: Option<FileError>,
}

impl<R: Read> ProductReader<R> {
    /// Reads the header.
    pub fn new(input: R, limits: Limits) -> Result<Self, FileError> {
        let mut source = RecordSource::new(input, &limits);
        let header = Header::read(&mut source, &limits)?;
        let products = Products {
            header,
            limits,
            open: None,
            held_back: Vec::new(),
            broken_before: None,
            ready: VecDeque::new(),
        };
        Ok(Self {
            source,
            products,
            done: false,
            failure: None,
        })
    }

    /// The dialect of the header.
    pub fn dialect(&self) -> Dialect {
        self.products.header.dialect
    }

    /// Whether any column describes variants. Without one, the single empty variant of each
    /// product says nothing about the variants of a product that exists.
    pub fn has_variant_columns(&self) -> bool {
        self.products
            .header
            .columns
            .iter()
            .any(|column| column.field.is_variant_level())
    }

    /// What is odd about the header without making the file unreadable.
    pub fn header_warnings(&self) -> &[Problem] {
        &self.products.header.warnings
    }

    /// The next product, or `None` at the end of the file.
    pub fn next_product(&mut self) -> Option<Result<ProductRows, FileError>> {
        loop {
            if let Some(product) = self.products.ready.pop_front() {
                return Some(Ok(product));
            }
            if self.done {
                return self.failure.take().map(Err);
            }
            if let Err(error) = self.read_row() {
                // The open product may lack its last rows, so it is not handed out.
                self.done = true;
                return Some(Err(error));
            }
        }
    }

    fn read_row(&mut self) -> Result<(), FileError> {
        let Some(raw) = self.source.next()? else {
            self.done = true;
            self.products.flush();
            return Ok(());
        };
        let (row, fault) = (raw.row, raw.fault);
        match line::read(&raw, &self.products.header, &self.products.limits) {
            Reading::Blank => {}
            Reading::Line(line) => self.products.add(line),
            Reading::Broken(broken) => self.products.add_broken(broken),
        }
        if fault == Some(Fault::Truncated) {
            self.done = true;
            self.failure = Some(FileError::Truncated { row });
            self.products.flush_truncated();
        }
        Ok(())
    }
}

impl<R: Read> Iterator for ProductReader<R> {
    type Item = Result<ProductRows, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_product()
    }
}

/// Sorts rows into products.
///
/// A product must be refused as a whole, and a broken row may not say whose it is. So a broken row
/// that does not name the open product waits for the next good row: if that one belongs to the
/// open product, so did the broken one.
struct Products {
    header: Header,
    limits: Limits,
    open: Option<Group>,
    /// Groups of broken rows after the open one, in order.
    held_back: Vec<Group>,
    /// The row just before, when it was broken.
    broken_before: Option<u64>,
    ready: VecDeque<ProductRows>,
}

impl Products {
    fn add(&mut self, line: Line<'_>) {
        let broken_before = self.broken_before.take();
        if let Some(open) = &mut self.open
            && open.handle() == line.handle
        {
            for group in self.held_back.drain(..) {
                open.absorb(group);
            }
            return open.add(&self.header, line);
        }
        let of_same = self.held_back.pop_if(|group| group.handle() == line.handle);
        self.flush();
        let own_row_broken = of_same.is_some();
        let mut group =
            of_same.unwrap_or_else(|| Group::new(line.handle.clone(), line.row, self.limits));
        let row = line.row;
        group.add(&self.header, line);
        if let Some(broken) = broken_before
            && !own_row_broken
            && group.is_continuation()
        {
            let message = format!(
                "the product starts without a title right after row {broken}, which cannot be \
                 read and may have been its first"
            );
            group.report(vec![Problem::error(
                row,
                None,
                "follows_broken_row",
                message,
            )]);
        }
        self.open = Some(group);
    }

    fn add_broken(&mut self, broken: Broken) {
        self.broken_before = Some(broken.row);
        if let Some(open) = &mut self.open
            && !broken.handle.is_empty()
            && open.handle() == broken.handle
        {
            for group in self.held_back.drain(..) {
                open.absorb(group);
            }
            return open.add_broken(broken);
        }
        if let Some(last) = self.held_back.last_mut()
            && last.handle() == broken.handle
        {
            return last.add_broken(broken);
        }
        if self.held_back.len() >= HELD_BACK {
            self.flush();
        }
        let mut group = Group::new(broken.handle.clone(), broken.row, self.limits);
        group.add_broken(broken);
        self.held_back.push(group);
    }

    fn flush(&mut self) {
        let groups = self.open.take().into_iter().chain(self.held_back.drain(..));
        self.ready.extend(groups.map(Group::finish));
    }

    /// The end of the file is lost. Unless the broken row names another product, the open one may
    /// have had more rows.
    fn flush_truncated(&mut self) {
        if let Some(open) = &mut self.open
            && self
                .held_back
                .last()
                .is_some_and(|group| group.handle().is_empty())
        {
            for group in self.held_back.drain(..) {
                open.absorb(group);
            }
        }
        self.flush();
    }
}
