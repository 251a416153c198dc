use async_graphql::value;

use super::*;

#[track_caller]
fn refusal(text: &str) -> Refusal {
    check(text, &Variables::default(), None, &Limits::default()).expect_err(text)
}

#[track_caller]
fn passes(text: &str) {
    if let Err(refusal) = check(text, &Variables::default(), None, &Limits::default()) {
        panic!("{text}: {}", refusal.message);
    }
}

#[track_caller]
fn over_limit(text: &str, about: &str) {
    let refusal = refusal(text);
    assert_eq!(
        (refusal.fault, refusal.code()),
        (Fault::Limit, Code::LimitExceeded),
        "{}",
        refusal.message
    );
    assert!(refusal.message.contains(about), "{}", refusal.message);
}

#[track_caller]
fn wrong(text: &str, message: &str) {
    let refusal = refusal(text);
    assert_eq!(
        (refusal.fault, refusal.code()),
        (Fault::Document, Code::BadInput)
    );
    assert_eq!(refusal.message, message);
}

// ---------------------------------------------------------------- bombs

#[test]
fn a_list_1550_deep_is_refused() {
    over_limit(&format!("{{f(a:{}", "[".repeat(1_550)), "nest at most 24");
    over_limit(
        &format!("{{f(a:{}1{})}}", "[".repeat(1_550), "]".repeat(1_550)),
        "nest at most 24",
    );
}

#[test]
fn an_object_1230_deep_is_refused() {
    over_limit(
        &format!("{{f(a:{}1{})}}", "{a:".repeat(1_230), "}".repeat(1_230)),
        "nest at most 24",
    );
}

#[test]
fn selections_and_types_nested_deeply_are_refused() {
    over_limit(
        &format!("{}a{}", "{a".repeat(900), "}".repeat(900)),
        "nest at most 24",
    );
    over_limit(
        &format!("query($a:{}Int{}){{a}}", "[".repeat(900), "]".repeat(900)),
        "nest at most 24",
    );
}

#[test]
fn a_fan_of_fragments_is_refused() {
    let spreads = |name: usize| format!("...f{name} ").repeat(100);
    let mut text = format!("{{x{{{}}}}}", spreads(0));
    for level in 0..4 {
        text.push_str(&format!(
            "fragment f{level} on Query{{{}}}",
            spreads(level + 1)
        ));
    }
    text.push_str("fragment f4 on Query{__typename}");
    over_limit(&text, "selections");
}

#[test]
fn fragments_that_double_22_times_are_refused() {
    let mut text = "{x{...f0}}".to_owned();
    for level in 0..22 {
        text.push_str(&format!(
            "fragment f{level} on Query{{...f{0} ...f{0}}}",
            level + 1
        ));
    }
    text.push_str("fragment f22 on Query{__typename}");
    over_limit(&text, "selections");
}

#[test]
fn sizes_that_overflow_saturate() {
    let mut text = "{...f0}".to_owned();
    for level in 0..45 {
        text.push_str(&format!(
            "fragment f{level} on Query{{{}}}",
            format!("...f{} ", level + 1).repeat(8)
        ));
    }
    text.push_str("fragment f45 on Query{__typename}");
    over_limit(&text, "");
}

#[test]
fn a_chain_of_fragments_counts_its_depth() {
    let mut text = "{...f0}".to_owned();
    for level in 0..40 {
        text.push_str(&format!("fragment f{level} on Query{{...f{}}}", level + 1));
    }
    text.push_str("fragment f40 on Query{__typename}");
    over_limit(&text, "24 levels");
}

#[test]
fn fragments_in_circles_are_refused() {
    let message = "Fragments must not spread themselves, not even by way of others.";
    wrong("{...a} fragment a on Query{...a}", message);
    wrong(
        "{...a} fragment a on Query{x{...b}} fragment b on Query{...on Query{...a}}",
        message,
    );
    wrong(
        "{x} fragment a on Query{...b} fragment b on Query{...a}",
        message,
    );
}

#[test]
fn introspection_that_multiplies_is_refused() {
    let bomb = "{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}";
    over_limit(bomb, "schema's description");
    let by_fragment = "{__schema{types{...t}}} fragment t on __Type{fields{type{...u}}} \
                       fragment u on __Type{fields{type{fields{type{fields{name}}}}}}";
    over_limit(by_fragment, "schema's description");
    passes("{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}");
}

#[test]
fn the_introspection_that_editors_send_passes() {
    passes(INTROSPECTION);
}

// ---------------------------------------------------------------- counts

#[test]
fn counts_are_bounded() {
    over_limit(&format!("{{{}}}", "a ".repeat(2_000)), "2000 tokens");
    over_limit(&format!("{{{}}}", "a:x ".repeat(51)), "50 fields");
    over_limit(&format!("{{x{{{}}}}}", "a:x ".repeat(51)), "50 aliases");
    over_limit(&format!("{{x{{{}}}}}", "a @d ".repeat(21)), "20 directives");
    over_limit(&format!("{{{}}}", "a ".repeat(51)), "50 fields");
    over_limit(
        &format!("{{...f ...f}} fragment f on Q{{{}}}", "a ".repeat(26)),
        "50 fields",
    );
    let operations: String = (0..51)
        .map(|number| format!("query q{number}{{a}} "))
        .collect();
    over_limit(&operations, "50 operations");
}

#[test]
fn what_is_spread_counts_each_time() {
    let aliases = "a:x ".repeat(13);
    over_limit(
        &format!("{{x{{...f}} y{{...f}} z{{...f}} w{{...f}}}} fragment f on Q{{{aliases}}}"),
        "50 aliases",
    );
    passes(&format!(
        "{{x{{...f}} y{{...f}} z{{...f}}}} fragment f on Q{{{aliases}}}"
    ));
    over_limit(
        &format!(
            "{{x{{...f}} y{{...f}}}} fragment f on Q @d{{{}}}",
            "a @d ".repeat(10)
        ),
        "20 directives",
    );
}

#[test]
fn each_limit_is_met_exactly() {
    passes(&format!("{{{}}}", "a ".repeat(50)));
    passes(&format!("{{x{{{}}}}}", "a:x ".repeat(50)));
    passes(&format!("{{x{{{}}}}}", "a @d ".repeat(20)));
    passes(&format!("{{x{{{}}}}}", "a ".repeat(1_995)));
    passes(&format!("{}{}", "{a".repeat(24), "}".repeat(24)));
    passes(&format!("{{f(a:{}1{})}}", "[".repeat(22), "]".repeat(22)));
}

// ---------------------------------------------------------------- syntax

#[test]
fn syntax_errors_say_where_and_what_in_our_words() {
    wrong(
        "{",
        "Syntax error at line 1, column 1: this `{` is never closed.",
    );
    wrong(
        "{a\n  )}",
        "Syntax error at line 2, column 3: no open bracket matches this `)`.",
    );
    wrong(
        "}",
        "Syntax error at line 1, column 1: no open bracket matches this `}`.",
    );
    wrong(
        "{a(b:\"x\n\")}",
        "Syntax error at line 1, column 6: this string does not end on its line.",
    );
    wrong(
        "{a(b:\"\\ud800\")}",
        "Syntax error at line 1, column 7: this escape is not one of a string.",
    );
    wrong(
        "{a(b:\"\\q\")}",
        "Syntax error at line 1, column 7: this escape is not one of a string.",
    );
    wrong(
        "{a(b:\"\"\"x)}",
        "Syntax error at line 1, column 6: this block string never ends.",
    );
    wrong(
        "{a(b:01)}",
        "Syntax error at line 1, column 6: this is not a number, and a name cannot begin like one.",
    );
    wrong(
        "{ä}",
        "Syntax error at line 1, column 2: this character has no meaning here.",
    );
    wrong(
        "{a ? b}",
        "Syntax error at line 1, column 4: this character has no meaning here.",
    );
    wrong(
        "",
        "Syntax error at line 1, column 1: an operation or a fragment was expected.",
    );
    wrong(
        "{}",
        "Syntax error at line 1, column 2: a field was expected.",
    );
    wrong(
        "fragment a on Q{a}",
        "The document has no operation, only fragments.",
    );
    wrong(
        "{a} query b{b}",
        "An operation without a name must be the only one of its document.",
    );
    wrong(
        "query b{b} query b{b}",
        "Two operations have the same name.",
    );
    wrong(
        "{...f} fragment f on Q{a} fragment f on Q{a}",
        "Two fragments have the same name.",
    );
    wrong(
        "{a(b:1e999)}",
        "Syntax error at line 1, column 6: a value that is not out of range was expected.",
    );
}

#[test]
fn no_message_echoes_the_document() {
    for text in [
        "{secret(",
        "query secret secret",
        "{a(secret:)}",
        "{ secret: }",
        "query($secret){a}",
        "secret",
    ] {
        let message = refusal(text).message;
        assert!(
            !message.contains("secret") && !message.contains('^') && !message.contains('\n'),
            "{message}"
        );
    }
}

#[test]
fn brackets_in_strings_and_comments_do_not_nest() {
    passes(&format!("{{a(b:\"{}\")}}", "[".repeat(100)));
    passes(&format!(
        "{{a(b:\"\"\"{}\\\"\"\" {{ \"\"\")}}",
        "[".repeat(100)
    ));
    passes(&format!("{{a #{}\n}}", "{".repeat(100)));
    passes("\u{feff}{a(b:\"ä\\u00e4\\n\", c:-1.5e+3, d:0)}");
}

#[test]
fn an_input_object_names_a_field_once() {
    let message = "An input object names one of its fields twice.";
    wrong("{a(b:{c:1,c:2})}", message);
    wrong("{a(b:[{c:1 c:2}])}", message);
    wrong("query($x:I={c:1,c:2}){a}", message);
    wrong("{a(b:{d:{c:1},c:1,c:2})}", message);
    passes("{a(b:{c:1,d:{c:1}},e:[{c:1}{c:2}]) x:c{c} x:c{c}}");
}

// ---------------------------------------------------------------- operations

#[test]
fn the_operation_is_chosen_by_name() {
    let choose = |name| {
        check(
            "query a{a} mutation b{b}",
            &Variables::default(),
            name,
            &Limits::default(),
        )
    };
    assert_eq!(
        choose(Some("b")).unwrap().operation,
        OperationType::Mutation
    );
    assert_eq!(
        choose(Some("a")).unwrap().operation_name.as_deref(),
        Some("a")
    );
    assert!(
        choose(None)
            .unwrap_err()
            .message
            .contains("several operations")
    );
    assert!(
        choose(Some("c"))
            .unwrap_err()
            .message
            .contains("names no operation")
    );
    let anonymous = |name| check("{a}", &Variables::default(), name, &Limits::default());
    assert!(anonymous(Some("a")).is_err());
    assert_eq!(anonymous(Some("")).unwrap().operation_name, None);
}

#[test]
fn a_required_variable_must_be_there() {
    let given = |text, variables| {
        let result = check(
            text,
            &Variables::from_value(variables),
            None,
            &Limits::default(),
        );
        result.map_err(|refusal| refusal.message).err()
    };
    let message = "The variable $x is required and must not be null; give it in `variables`.";
    assert_eq!(
        given("query($x:Int!){a(b:$x)}", value!({})).as_deref(),
        Some(message)
    );
    assert_eq!(
        given("query($x:Int!){a(b:$x)}", value!({"x": null})).as_deref(),
        Some(message)
    );
    assert_eq!(
        given("query($x:Int!=1){a(b:$x)}", value!({"x": null})).as_deref(),
        Some(message)
    );
    assert_eq!(given("query($x:Int!){a(b:$x)}", value!({"x": 1})), None);
    assert_eq!(given("query($x:Int!=1){a(b:$x)}", value!({})), None);
    assert_eq!(given("query($x:Int){a(b:$x)}", value!({"x": null})), None);
}

#[test]
fn a_subscription_has_one_root_field() {
    passes("subscription{a}");
    passes("subscription{a{b c}}");
    for text in [
        "subscription{a b}",
        "subscription{...f} fragment f on S{a b}",
        "subscription{__typename}",
        "subscription{a ...on S{b}}",
    ] {
        assert!(
            refusal(text).message.contains("exactly one field"),
            "{text}"
        );
    }
}

/// What editors send to learn a schema, with every option of graphql-js 16 switched on.
pub(super) const INTROSPECTION: &str = "
query IntrospectionQuery {
  __schema {
    description
    queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description
    args(includeDeprecated: true) { ...InputValue }
    type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type {
  kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
    kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}";
