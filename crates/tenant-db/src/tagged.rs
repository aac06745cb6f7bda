//! The tenant's name in front of each statement.
//!
//! diesel-async keeps one prepared statement per text. PostgreSQL keeps a statement's plan only while the
//! search path is the one that it was planned under, so one statement shared by all tenants would be planned
//! anew after every switch. With the tenant's key as a comment in front, each tenant has a statement and a plan
//! of its own, and logs and `pg_stat_activity` say whose it is. The key is `[a-z0-9]` by its type.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::{QueryResult, pg::PgQueryBuilder};

/// A query with a comment in front.
pub(crate) struct Tagged<'a, Q> {
    pub tag: &'a str,
    pub query: Q,
}

impl<Q> QueryId for Tagged<'_, Q> {
    type QueryId = ();
    // The text differs from tenant to tenant, so the type alone must not identify the statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Tagged<'_, Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.tag);
        self.query.walk_ast(out.reborrow())
    }

    /// diesel prepares each `UPDATE` anew, and some `INSERT`s, since their forms could be without end. Of those whose text is short
    /// there are few: a table has so many columns, and so many rows fit.
    fn is_safe_to_cache_prepared(&self, backend: &Pg) -> QueryResult<bool> {
        if self.query.is_safe_to_cache_prepared(backend)? {
            return Ok(true);
        }
        let text = text(&self.query)?;
        Ok(text.len() <= SHORT && verb_of(&text) == Verb::Write)
    }
}

/// Longest text, in bytes, of a write that is kept prepared although diesel would not keep it.
const SHORT: usize = 2_000;

impl<Q: Query> Query for Tagged<'_, Q> {
    type SqlType = Q::SqlType;
}

/// What a statement may do, told by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads.
    Read,
    /// Reads or writes rows.
    Write,
    /// Anything else: `SET`, `BEGIN`, `CREATE`, `LOCK`, ... which would change what the connection is.
    Other,
}

/// Tells what `query` may do. Statements of one static type have one text, so theirs is read once.
pub(crate) fn verb<Q: QueryFragment<Pg> + QueryId>(query: &Q) -> QueryResult<Verb> {
    static KNOWN: RwLock<BTreeMap<TypeId, Verb>> = RwLock::new(BTreeMap::new());
    let Some(id) = Q::query_id() else {
        return read_verb(query);
    };
    let known = KNOWN
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&id)
        .copied();
    if let Some(verb) = known {
        return Ok(verb);
    }
    let verb = read_verb(query)?;
    KNOWN
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, verb);
    Ok(verb)
}

fn text(query: &impl QueryFragment<Pg>) -> QueryResult<String> {
    let mut builder = PgQueryBuilder::default();
    query.to_sql(&mut builder, &Pg)?;
    Ok(builder.finish())
}

fn read_verb(query: &impl QueryFragment<Pg>) -> QueryResult<Verb> {
    Ok(verb_of(&text(query)?))
}

fn verb_of(sql: &str) -> Verb {
    let sql = sql.trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let word = sql
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or_default();
    match word.to_ascii_uppercase().as_str() {
        "SELECT" => Verb::Read,
        "INSERT" | "UPDATE" | "DELETE" | "WITH" => Verb::Write,
        _ => Verb::Other,
    }
}
