//! The list of fields against the tables.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::schema::{INDEX, KEYRING, LEDGER, PLACES, Schema};
use super::{SqliteIndex, SqliteKeyring, SqliteLedger, SqlitePlaces};

/// Database, table, column, class.
type Fields = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

const CLASSES: [&str; 4] = ["sealed", "tag", "secret", "technical"];

#[test]
fn every_column_is_classified() {
    let listed: Fields = toml::from_str(include_str!("../fields.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    SqliteLedger::create(folder.path()).unwrap();
    SqliteKeyring::create(folder.path()).unwrap();
    SqliteIndex::create(folder.path()).unwrap();
    SqlitePlaces::open(folder.path()).unwrap();

    let listed_names: BTreeSet<String> = names(&listed).map(|(name, _)| name).collect();
    let live: BTreeSet<String> = [LEDGER, KEYRING, INDEX, PLACES]
        .iter()
        .flat_map(|schema| columns(schema, &Connection::open(folder.path().join(schema.file)).unwrap()))
        .collect();
    assert!(live.len() > 40, "{live:?}");
    assert_eq!(listed_names.symmetric_difference(&live).collect::<Vec<_>>(), Vec::<&String>::new());
    for (name, class) in names(&listed) {
        assert!(CLASSES.contains(&class), "{name} is `{class}`");
    }
}

fn names(fields: &Fields) -> impl Iterator<Item = (String, &str)> {
    fields.iter().flat_map(|(database, tables)| {
        tables.iter().flat_map(move |(table, columns)| {
            columns
                .iter()
                .map(move |(column, class)| (format!("{database}.{table}.{column}"), class.as_str()))
        })
    })
}

fn columns(schema: &Schema, connection: &Connection) -> Vec<String> {
    let database = schema.file.strip_suffix(".db").unwrap();
    let mut statement = connection
        .prepare(
            "SELECT t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let found = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    found.map(|name| format!("{database}.{}", name.unwrap())).collect()
}
