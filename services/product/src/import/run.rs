//! One run of a job: read, apply in batches, end.

use averis_tenant_db::{DbError, Failure, TenantDb, failure};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::apply::{Applied, apply};
use super::file::{self, Pieces};
use crate::domain::now;
use crate::domain::shopify::{
    Dialect, FileError, Limits, Problem, ProductReader, ProductRows, Severity,
};
use crate::error::ProductError;
use crate::stewardship::Editor;
use crate::store::imports::{self, Ending, ProblemRow, Progress};

/// Products and bytes of text that share a transaction, at most.
const BATCH_PRODUCTS: usize = 32;
const BATCH_BYTES: usize = 1024 * 1024;
/// Problems that a report keeps. Beyond, they are only counted.
const MAX_REPORTED: i64 = 10_000;

/// What the reading thread sends.
enum Read {
    Header {
        dialect: Dialect,
        has_variants: bool,
        warnings: Vec<Problem>,
    },
    Product(Box<ProductRows>),
    Failed(FileError),
}

/// What a run knows of its job.
struct Job<'a> {
    db: &'a TenantDb,
    id: Uuid,
    runner: Uuid,
    has_variants: bool,
    max_products: u32,
    /// Who asked for it.
    created_by: Option<Uuid>,
    /// Problems found so far, which is the place of the next in the report.
    problems: i64,
}

/// Runs a job from where it was left to its end. An error says that the database was lost; the job can be run
/// again.
pub async fn run(
    db: &TenantDb,
    id: Uuid,
    runner: Uuid,
    max_products: u32,
) -> Result<(), ProductError> {
    let claimed = db
        .transaction(async |conn| -> Result<_, ProductError> {
            imports::discard_stale(conn).await?;
            Ok(imports::claim(conn, id, runner).await?)
        })
        .await?;
    let Some(row) = claimed else { return Ok(()) };
    let (pieces, incoming) = mpsc::channel(2);
    let (outgoing, mut results) = mpsc::channel(2);
    let reading = tokio::task::spawn_blocking(move || read(Pieces::new(incoming), &outgoing));
    let mut job = Job {
        db,
        id,
        runner,
        has_variants: true,
        max_products,
        created_by: row.created_by,
        problems: row.errors + row.warnings,
    };
    let applying = async {
        let ending = consume(&mut job, &mut results, row.products_read).await;
        // Whoever still reads or sends is told that nobody listens.
        results.close();
        ending
    };
    // Takes the sender along, so that its end is the end of what is read.
    let sending = async move {
        let pieces = pieces;
        file::send(db, id, &pieces).await
    };
    let (sent, ending) = tokio::join!(sending, applying);
    let _ = reading.await;
    // A file that could not be sent whole looks like one that ends too early: that is no ending.
    sent?;
    let Some(ending) = ending? else { return Ok(()) };
    db.transaction(async |conn| -> Result<_, ProductError> {
        Ok(imports::finish(conn, id, runner, &ending).await?)
    })
    .await?;
    Ok(())
}

fn read(pieces: Pieces, results: &mpsc::Sender<Read>) {
    let mut reader = match ProductReader::new(pieces, Limits::default()) {
        Ok(reader) => reader,
        Err(error) => {
            let _ = results.blocking_send(Read::Failed(error));
            return;
        }
    };
    let header = Read::Header {
        dialect: reader.dialect(),
        has_variants: reader.has_variant_columns(),
        warnings: reader.header_warnings().to_vec(),
    };
    if results.blocking_send(header).is_err() {
        return;
    }
    while let Some(next) = reader.next_product() {
        let (message, last) = match next {
            Ok(rows) => (Read::Product(Box::new(rows)), false),
            Err(error) => (Read::Failed(error), true),
        };
        if results.blocking_send(message).is_err() || last {
            return;
        }
    }
}

/// Applies what comes. `None` says that another runner has taken the job.
async fn consume(
    job: &mut Job<'_>,
    results: &mut mpsc::Receiver<Read>,
    done_before: i64,
) -> Result<Option<Ending>, ProductError> {
    let mut ending = Ending {
        dialect: None,
        failure: None,
    };
    let mut to_skip = done_before;
    let mut batch: Vec<ProductRows> = Vec::new();
    let mut bytes = 0;
    loop {
        let message = results.recv().await;
        match message {
            Some(Read::Header {
                dialect,
                has_variants,
                warnings,
            }) => {
                ending.dialect = Some(dialect_name(dialect));
                job.has_variants = has_variants;
                // A job that was left before its first product may have noted its header already.
                let is_new = to_skip == 0 && job.problems == 0;
                if is_new && !job.note_header(&warnings).await? {
                    return Ok(None);
                }
            }
            Some(Read::Product(_)) if to_skip > 0 => to_skip -= 1,
            Some(Read::Product(rows)) => {
                bytes += size(&rows);
                batch.push(*rows);
                if (batch.len() >= BATCH_PRODUCTS || bytes >= BATCH_BYTES)
                    && !job.apply_batch(&std::mem::take(&mut batch)).await?
                {
                    return Ok(None);
                }
                if batch.is_empty() {
                    bytes = 0;
                }
            }
            Some(Read::Failed(error)) => {
                ending.failure = Some((error.code().to_owned(), error.to_string()));
            }
            None => {
                if !batch.is_empty() && !job.apply_batch(&batch).await? {
                    return Ok(None);
                }
                return Ok(Some(ending));
            }
        }
    }
}

const fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Old => "shopify",
        Dialect::New => "shopify-2025",
    }
}

/// Bytes of text, roughly.
fn size(rows: &ProductRows) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let columns = &rows.columns;
    let own = text(&columns.title) + text(&columns.description);
    let extra: usize = columns.extra.values().map(String::len).sum();
    let parts: usize = rows
        .variants
        .iter()
        .map(|row| 200 + row.variant.extra.values().map(String::len).sum::<usize>())
        .sum();
    own + extra + parts + 300 * rows.images.len()
}

impl Job<'_> {
    async fn note_header(&mut self, warnings: &[Problem]) -> Result<bool, ProductError> {
        let mut noted = self.noted();
        let mut progress = Progress::default();
        let mut report = Vec::new();
        let count = warnings.len() as i64;
        noted.note("", warnings, count, &mut progress, &mut report);
        self.problems = noted.problems;
        let report = &report;
        let progress = &progress;
        let (id, runner) = (self.id, self.runner);
        self.db
            .transaction(async |conn| -> Result<bool, ProductError> {
                if !report.is_empty() {
                    imports::insert_problems(conn, report).await?;
                }
                Ok(imports::advance(conn, id, runner, progress).await?)
            })
            .await
    }

    /// Applies products together, or, when one of them meets something that another request did at the same
    /// moment, one by one, so that only that one is refused. `false` says that the job was taken by another.
    async fn apply_batch(&mut self, batch: &[ProductRows]) -> Result<bool, ProductError> {
        match self.try_batch(batch, None).await {
            Err(error) if is_refusal(&error) => {}
            outcome => return outcome,
        }
        for rows in batch {
            let alone = std::slice::from_ref(rows);
            let kept = match self.try_batch(alone, None).await {
                Err(error) if is_refusal(&error) => {
                    self.try_batch(alone, Some(&refusal(&error))).await?
                }
                outcome => outcome?,
            };
            if !kept {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn try_batch(
        &mut self,
        batch: &[ProductRows],
        refusal: Option<&str>,
    ) -> Result<bool, ProductError> {
        let this = &*self;
        let done = self
            .db
            .transaction(async |conn| -> Result<i64, ProductError> {
                let mut noted = this.noted();
                let mut progress = Progress::default();
                let mut report = Vec::new();
                for rows in batch {
                    progress.products_read += 1;
                    progress.rows_read += i64::try_from(rows.rows).unwrap_or(i64::MAX);
                    let applied = if rows.is_refused() {
                        Applied::refused()
                    } else if let Some(message) = refusal {
                        let problem =
                            Problem::error(rows.first_row, None, "conflict", message.to_owned());
                        Applied::refused_for(problem)
                    } else {
                        let by = Editor {
                            id: this.created_by,
                            at: now(),
                        };
                        apply(conn, rows, this.has_variants, this.max_products, by).await?
                    };
                    applied.count(&mut progress);
                    let count = i64::try_from(rows.problem_count).unwrap_or(i64::MAX);
                    noted.note(
                        &rows.handle,
                        &rows.problems,
                        count,
                        &mut progress,
                        &mut report,
                    );
                    let count = applied.problems.len() as i64;
                    noted.note(
                        &rows.handle,
                        &applied.problems,
                        count,
                        &mut progress,
                        &mut report,
                    );
                }
                if !report.is_empty() {
                    imports::insert_problems(conn, &report).await?;
                }
                let kept = imports::advance(conn, this.id, this.runner, &progress).await?;
                if kept {
                    Ok(noted.problems)
                } else {
                    Err(ProductError::JobTaken)
                }
            })
            .await;
        match done {
            Ok(problems) => {
                self.problems = problems;
                Ok(true)
            }
            Err(ProductError::JobTaken) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn noted(&self) -> Noted {
        Noted {
            problems: self.problems,
            import: self.id,
        }
    }
}

/// Where a report stands.
struct Noted {
    problems: i64,
    import: Uuid,
}

impl Noted {
    /// Counts problems and keeps them for the report while it is short. `count` may be larger than the list.
    fn note(
        &mut self,
        key: &str,
        problems: &[Problem],
        count: i64,
        progress: &mut Progress,
        report: &mut Vec<ProblemRow>,
    ) {
        let warnings = problems
            .iter()
            .filter(|p| p.severity == Severity::Warning)
            .count() as i64;
        progress.warnings += warnings;
        progress.errors += count - warnings;
        for (place, problem) in (self.problems..).zip(problems) {
            if place >= MAX_REPORTED {
                break;
            }
            report.push(ProblemRow {
                import_id: self.import,
                seq: place,
                row_number: i64::try_from(problem.row).unwrap_or(i64::MAX),
                product_key: key.chars().take(255).collect(),
                severity: match problem.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                }
                .to_owned(),
                column_name: problem.column.clone(),
                code: problem.code.to_owned(),
                message: problem.message.replace('\u{0}', "\u{fffd}"),
            });
        }
        self.problems += count;
    }
}

/// Whether a failure is about the product rather than about the database. A value that no rule here knows and that
/// the database refuses would otherwise be tried for ever.
fn is_refusal(error: &ProductError) -> bool {
    match error {
        ProductError::Db(DbError::Query(error)) => matches!(
            failure(error),
            Failure::Check(_) | Failure::Duplicate(_) | Failure::Reference(_) | Failure::Internal
        ),
        ProductError::Db(_) | ProductError::Problem(_) => false,
        _ => true,
    }
}

fn refusal(error: &ProductError) -> String {
    match error {
        ProductError::Db(_) => {
            tracing::warn!(error = ?error, "a product of a file cannot be stored");
            "a value is too long or not of a kind that can be stored".to_owned()
        }
        error => error.to_string(),
    }
}
