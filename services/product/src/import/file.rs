//! The file of a job, in and out of the database, never whole in memory.

use std::io::Read;

use actix_web::dev::Payload;
use averis_tenant_db::TenantDb;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::error::ProductError;
use crate::store::imports;

/// Size of a stored piece, in bytes.
const CHUNK: usize = 256 * 1024;

/// A file that was stored whole.
pub struct Upload {
    pub bytes: u64,
    pub sha256: [u8; 32],
}

/// Why a file was not stored.
pub enum UploadFailure {
    /// It is larger than allowed.
    TooLarge,
    /// The client broke off.
    BrokenOff,
    /// The database refused.
    Product(ProductError),
}

impl From<ProductError> for UploadFailure {
    fn from(error: ProductError) -> Self {
        Self::Product(error)
    }
}

/// Stores a file as it comes.
pub async fn store(
    db: &TenantDb,
    job: Uuid,
    mut payload: Payload,
    max_bytes: u64,
) -> Result<Upload, UploadFailure> {
    let mut hash = Sha256::new();
    let mut bytes = 0_u64;
    let mut seq = 0;
    let mut pending = Vec::with_capacity(CHUNK);
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_ignored| UploadFailure::BrokenOff)?;
        bytes += piece.len() as u64;
        if bytes > max_bytes {
            return Err(UploadFailure::TooLarge);
        }
        hash.update(&piece);
        pending.extend_from_slice(&piece);
        if pending.len() >= CHUNK {
            append(db, job, seq, &pending).await?;
            seq += 1;
            pending.clear();
        }
    }
    if !pending.is_empty() {
        append(db, job, seq, &pending).await?;
    }
    Ok(Upload {
        bytes,
        sha256: hash.finalize().into(),
    })
}

async fn append(db: &TenantDb, job: Uuid, seq: i32, data: &[u8]) -> Result<(), ProductError> {
    db.transaction(async |conn| -> Result<(), ProductError> {
        Ok(imports::append(conn, job, seq, data).await?)
    })
    .await
}

/// Sends the pieces of a job's file until all are sent or nobody wants more.
pub async fn send(
    db: &TenantDb,
    job: Uuid,
    pieces: &mpsc::Sender<Vec<u8>>,
) -> Result<(), ProductError> {
    for seq in 0.. {
        let piece = db.read(async |conn| -> Result<_, ProductError> {
            Ok(imports::chunk(conn, job, seq).await?)
        });
        let Some(piece) = piece.await? else {
            return Ok(());
        };
        if pieces.send(piece).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The pieces as something to read from, on a thread that may block.
pub struct Pieces {
    pieces: mpsc::Receiver<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
}

impl Pieces {
    /// Reads what comes through `pieces`.
    pub fn new(pieces: mpsc::Receiver<Vec<u8>>) -> Self {
        Self {
            pieces,
            current: Vec::new(),
            at: 0,
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.current.len() {
            let Some(next) = self.pieces.blocking_recv() else {
                return Ok(0);
            };
            self.current = next;
            self.at = 0;
        }
        let rest = self.current.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer
            .iter_mut()
            .zip(rest)
            .for_each(|(to, from)| *to = *from);
        self.at += count;
        Ok(count)
    }
}
