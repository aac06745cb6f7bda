//! Definitions of attributes.

use std::collections::BTreeMap;

use averis_tenant_db::TenantConn;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::attributes::{AttributeRule, AttributeType, Constraints};
use crate::domain::content::{Placement, Placements};
use crate::domain::sections::Section;
use crate::schema::attribute_definitions as table;

/// A definition's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub struct AttributeRow {
    pub id: Uuid,
    pub code: String,
    pub label: String,
    pub kind: String,
    pub required: bool,
    pub facetable: bool,
    pub constraints: Value,
    pub section: String,
    pub localizable: bool,
    pub scopable: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl AttributeRow {
    /// Returns the bounds. What the service has written it can read.
    pub fn bounds(&self) -> Constraints {
        serde_json::from_value(self.constraints.clone()).unwrap_or_default()
    }
}

/// Inserts a definition.
pub async fn insert(conn: &mut TenantConn, row: &AttributeRow) -> QueryResult<()> {
    diesel::insert_into(table::table)
        .values(row)
        .execute(conn)
        .await
        .map(drop)
}

/// Finds a definition.
pub async fn find(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<AttributeRow>> {
    table::table
        .find(id)
        .select(AttributeRow::as_select())
        .first(conn)
        .await
        .optional()
}

/// Finds a definition and keeps others from changing it until the end of the transaction.
pub async fn lock(conn: &mut TenantConn, id: Uuid) -> QueryResult<Option<AttributeRow>> {
    let rows = table::table.find(id);
    rows.select(AttributeRow::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Lists definitions by age.
pub async fn list(
    conn: &mut TenantConn,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> QueryResult<Vec<AttributeRow>> {
    let mut rows = table::table.select(AttributeRow::as_select()).into_boxed();
    if let Some((created_at, id)) = after {
        rows = rows
            .filter(table::created_at.ge(created_at))
            .filter(table::created_at.gt(created_at).or(table::id.gt(id)));
    }
    rows.order((table::created_at, table::id))
        .limit(limit)
        .load(conn)
        .await
}

/// Returns all definitions by age.
pub async fn all(conn: &mut TenantConn) -> QueryResult<Vec<AttributeRow>> {
    let rows = table::table.select(AttributeRow::as_select());
    rows.order((table::created_at, table::id)).load(conn).await
}

/// Takes a definition away.
pub async fn delete(conn: &mut TenantConn, id: Uuid) -> QueryResult<()> {
    let row = diesel::delete(table::table.find(id));
    row.execute(conn).await.map(drop)
}

/// Returns what values are checked against, for those codes, and keeps the definitions as they are until the end of the
/// transaction: no value is written into a section that the definition is just leaving.
async fn rules(
    conn: &mut TenantConn,
    codes: &[&str],
) -> QueryResult<BTreeMap<String, AttributeRule>> {
    if codes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<AttributeRow> = table::table
        .filter(table::code.eq_any(codes))
        .select(AttributeRow::as_select())
        .order(table::code)
        .for_key_share()
        .load(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.code.clone(), rule(&row)))
        .collect())
}

/// Returns what a product's values are checked against. A name that no definition can have is left out.
pub async fn rules_of(
    conn: &mut TenantConn,
    values: &Map<String, Value>,
) -> QueryResult<BTreeMap<String, AttributeRule>> {
    let codes = values.keys().map(String::as_str);
    let codes: Vec<&str> = codes.filter(|code| !code.contains('\u{0}')).collect();
    rules(conn, &codes).await
}

fn rule(row: &AttributeRow) -> AttributeRule {
    AttributeRule {
        kind: AttributeType::stored(&row.kind),
        constraints: row.bounds(),
        section: Section::stored(&row.section),
        localizable: row.localizable,
        scopable: row.scopable,
    }
}

/// Returns where values of all definitions stand, and which are required.
pub async fn placements(conn: &mut TenantConn) -> QueryResult<Placements> {
    let rows: Vec<(String, String, bool, bool, bool)> = table::table
        .select((
            table::code,
            table::section,
            table::required,
            table::localizable,
            table::scopable,
        ))
        .load(conn)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(code, section, required, localizable, scopable)| {
            let placement = Placement {
                section: Section::stored(&section),
                required,
                localizable,
                scopable,
            };
            (code, placement)
        })
        .collect())
}

/// Whether searches may count the values of that attribute.
pub async fn is_facetable(conn: &mut TenantConn, code: &str) -> QueryResult<bool> {
    let rows = table::table
        .filter(table::code.eq(code))
        .filter(table::facetable);
    diesel::select(diesel::dsl::exists(rows))
        .get_result(conn)
        .await
}

/// Stores a definition as it is now and raises its version.
pub async fn update(conn: &mut TenantConn, row: &AttributeRow) -> QueryResult<AttributeRow> {
    diesel::update(table::table.find(row.id))
        .set((
            table::label.eq(&row.label),
            table::required.eq(row.required),
            table::facetable.eq(row.facetable),
            table::constraints.eq(&row.constraints),
            table::section.eq(&row.section),
            table::version.eq(table::version + 1),
            table::updated_at.eq(diesel::dsl::now),
        ))
        .returning(AttributeRow::as_returning())
        .get_result(conn)
        .await
}
