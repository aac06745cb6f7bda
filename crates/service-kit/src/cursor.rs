//! Pages of lists: each goes on after the last row of the one before, so that rows which come or go between two
//! pages neither repeat nor hide others.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::ToSchema;

use crate::problem::{FieldProblem, Problem, codes};

/// Rows of a page when none are asked for.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most rows of a page.
pub const MAX_LIMIT: u32 = 250;
const TAG_BYTES: usize = 16;

/// The key that signs cursors, the same for all instances of a service.
#[derive(Clone)]
pub struct CursorSecret(Arc<[u8]>);

impl fmt::Debug for CursorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorSecret")
    }
}

impl FromStr for CursorSecret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() < 32 {
            return Err("must have at least 32 characters");
        }
        Ok(Self(text.as_bytes().into()))
    }
}

impl CursorSecret {
    /// Writes the place where the next page begins. `list` says which list it is: tenant, address, order and
    /// filters, so that the cursor fits no other.
    #[must_use]
    pub fn seal(&self, list: &str, place: &impl Serialize) -> String {
        let place = serde_json::to_vec(place).unwrap_or_default();
        let mut sealed = self.tag(list, &place).to_vec();
        sealed.extend_from_slice(&place);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Reads a place back.
    ///
    /// # Errors
    /// 400 when the cursor is none, is another list's or another tenant's.
    pub fn open<T: DeserializeOwned>(&self, list: &str, cursor: &str) -> Result<T, Problem> {
        let wrong = || Problem::new(codes::INVALID_CURSOR);
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_ignored| wrong())?;
        let (tag, place) = sealed.split_at_checked(TAG_BYTES).ok_or_else(wrong)?;
        let mut mac = self.mac(list);
        mac.update(place);
        mac.verify_truncated_left(tag).map_err(|_ignored| wrong())?;
        serde_json::from_slice(place).map_err(|_ignored| wrong())
    }

    /// Reads the place after which the asked page begins; none for the first page.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_asked<T: DeserializeOwned>(
        &self,
        list: &str,
        cursor: Option<&str>,
    ) -> Result<Option<T>, Problem> {
        cursor.map(|cursor| self.open(list, cursor)).transpose()
    }

    fn mac(&self, list: &str) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length");
        mac.update(&(list.len() as u64).to_be_bytes());
        mac.update(list.as_bytes());
        mac
    }

    fn tag(&self, list: &str, place: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = self.mac(list);
        mac.update(place);
        let full = mac.finalize().into_bytes();
        let mut tag = [0; TAG_BYTES];
        tag.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        tag
    }
}

/// Checks how many rows a page shall have.
///
/// # Errors
/// 422 outside 1 to 250.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Problem::invalid(vec![FieldProblem::new(
            "/limit",
            "range",
            format!("must be between 1 and {MAX_LIMIT}"),
        )])),
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Ask for the next page with `cursor` set to this; `null` on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page from up to `limit` + 1 rows: one more than shown tells that there are more.
    pub fn new(mut rows: Vec<T>, limit: u32, seal: impl FnOnce(&T) -> String) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(seal) } else { None };
        Self {
            data: rows,
            next_cursor,
        }
    }

    /// Converts the rows.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            data: self.data.into_iter().map(convert).collect(),
            next_cursor: self.next_cursor,
        }
    }

    /// Converts the rows, if each can be.
    ///
    /// # Errors
    /// That of the first row that cannot.
    pub fn try_map<U, E>(self, convert: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page {
            data: self
                .data
                .into_iter()
                .map(convert)
                .collect::<Result<_, E>>()?,
            next_cursor: self.next_cursor,
        })
    }
}

/// Continues a list of rows by `created_at` and `id` of `$table` after a place in it, if there is one.
#[macro_export]
macro_rules! after_place {
    ($rows:expr, $table:ident, $after:expr) => {
        match $after {
            Some((created_at, id)) => $rows
                .filter($table::created_at.ge(created_at))
                .filter($table::created_at.gt(created_at).or($table::id.gt(id))),
            None => $rows,
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_the_list_that_it_was_made_for() {
        let secret: CursorSecret = "0123456789abcdef0123456789abcdef"
            .parse()
            .expect("long enough");
        let cursor = secret.seal("acme products name", &("shirt", 7));
        assert_eq!(
            secret
                .open::<(String, i32)>("acme products name", &cursor)
                .expect("own"),
            ("shirt".to_owned(), 7)
        );
        let (head, _) = cursor.split_at(cursor.len() - 4);
        for (list, text) in [
            ("globex products name", cursor.as_str()),
            ("acme products -name", &cursor),
            ("acme products name", head),
            ("acme products name", ""),
            ("acme products name", "AAAA"),
            ("acme products name", "\u{0}é"),
        ] {
            let problem = secret
                .open::<(String, i32)>(list, text)
                .expect_err("foreign");
            assert_eq!(problem.code(), codes::INVALID_CURSOR);
        }
    }
}
