//! `schema.graphql` is what is served: frontends are written against it.

#[test]
fn the_exported_schema_is_the_served_one() {
    let exported =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).unwrap();
    assert_eq!(
        seatwise::api::schema::sdl(),
        exported,
        "refresh it: cargo run -- schema > schema.graphql"
    );
}
