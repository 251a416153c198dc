//! Whatever passes the gate, async-graphql survives: on a small stack, whatever the text.

use async_graphql::{EmptyMutation, EmptySubscription, InputObject, Object, Request, Schema};
use proptest::prelude::*;

use super::tests::INTROSPECTION;
use super::*;

#[derive(InputObject)]
struct Filter {
    and: Option<Vec<Filter>>,
    not: Option<Box<Filter>>,
    eq: Option<String>,
}

#[derive(Clone, Copy)]
struct Node;

#[Object]
impl Node {
    async fn node(&self, filter: Option<Filter>, number: Option<i32>) -> Node {
        let _ = (
            filter.map(|filter| (filter.and, filter.not, filter.eq)),
            number,
        );
        Node
    }

    async fn nodes(&self) -> Vec<Node> {
        vec![Node]
    }

    async fn name(&self) -> &str {
        "name"
    }
}

/// Kilobytes of stack: a quarter of a worker's, and half of it where frames are not optimized.
const STACK_KB: usize = if cfg!(debug_assertions) { 1_024 } else { 512 };

/// Runs a future on a small stack.
fn on_small_stack<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let run = move || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(work)
    };
    std::thread::Builder::new()
        .stack_size(STACK_KB * 1024)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

fn execute(texts: Vec<String>) -> usize {
    on_small_stack(async move {
        let schema = Schema::new(Node, EmptyMutation, EmptySubscription);
        let mut passed = 0;
        for text in texts {
            // A price would refuse the deepest lists, and the stack is the question here.
            let limits = Limits {
                cost_max: usize::MAX,
                ..Limits::default()
            };
            let Ok(admitted) = check(&text, &Variables::default(), None, &limits) else {
                continue;
            };
            let mut request = Request::new(text);
            request.set_parsed_query(admitted.document);
            request.operation_name = admitted.operation_name;
            schema.execute(request).await;
            passed += 1;
        }
        passed
    })
}

#[test]
fn the_deepest_that_passes_runs_on_a_small_stack() {
    let selections = format!("{}name{}", "{node".repeat(23) + "{", "}".repeat(24));
    let lists = format!(
        "{{node(filter:{}{{}}{}){{name}}}}",
        "{and:[".repeat(10),
        "]}".repeat(10)
    );
    let objects = format!(
        "{{node(filter:{}{{}}{}){{name}}}}",
        "{not:".repeat(21),
        "}".repeat(21)
    );
    let mut chain = "{...f0}".to_owned();
    for level in 0..22 {
        chain.push_str(&format!("fragment f{level} on Node{{...f{}}}", level + 1));
    }
    chain.push_str("fragment f22 on Node{name}");
    let listed = format!("{}name{}", "{nodes".repeat(23) + "{", "}".repeat(24));
    assert_eq!(
        execute(vec![
            selections,
            listed,
            lists,
            objects,
            chain,
            INTROSPECTION.to_owned()
        ]),
        6
    );
}

/// Documents that mostly parse: selections of the schema above, with spreads, values and junk.
fn documents() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("\"x\"".to_owned()),
        Just("$v".to_owned()),
        Just("null".to_owned()),
        Just("\"\"\"[\"\"\"".to_owned()),
    ]
    .prop_recursive(24, 48, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|values| format!("[{}]", values.join(","))),
            inner.clone().prop_map(|value| format!("{{not:{value}}}")),
            inner.prop_map(|value| format!("{{and:[{value}]}}")),
        ]
    });
    let leaf = prop_oneof![
        Just("name".to_owned()),
        Just("n:name@skip(if:true)".to_owned()),
        Just("__typename".to_owned()),
        (0..6_usize).prop_map(|number| format!("...f{number}")),
    ];
    let selection = leaf.prop_recursive(26, 60, 4, move |inner| {
        (
            prop::collection::vec(inner, 1..4),
            prop::option::of(value.clone()),
            0..4_usize,
        )
            .prop_map(|(children, value, kind)| {
                let children = children.join(" ");
                let arguments = value
                    .map(|value| format!("(filter:{value})"))
                    .unwrap_or_default();
                match kind {
                    0 => format!("...on Node{{{children}}}"),
                    1 => format!("nodes{{{children}}}"),
                    2 => format!("a:node{arguments}{{{children}}}"),
                    _ => format!("node{arguments}{{{children}}}"),
                }
            })
    });
    (
        prop::collection::vec(selection, 1..7),
        "[{}()\\[\\]:$@\"a-c ]{0,3}",
        0..100_usize,
    )
        .prop_map(|(selections, junk, place)| {
            let mut text = String::new();
            for (number, selection) in selections.iter().enumerate() {
                match number {
                    0 => text.push_str(&format!("query($v:Filter){{{selection}}} ")),
                    _ => {
                        text.push_str(&format!("fragment f{} on Node{{{selection}}} ", number - 1))
                    }
                }
            }
            // Every other document is bent somewhere.
            let place = place * 2;
            if place < text.len() && text.is_char_boundary(place) && place % 4 == 0 {
                text.insert_str(place, &junk);
            }
            text
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_passes_the_gate_runs_on_a_small_stack(texts in prop::collection::vec(documents(), 16)) {
        execute(texts);
    }

    #[test]
    fn any_text_gets_a_verdict(text in "\\PC{0,200}") {
        let _ = check(&text, &Variables::default(), None, &Limits::default());
    }

    #[test]
    fn any_heap_of_tokens_gets_a_verdict(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", "(", ")", ":", "$", "@", "!", "=", "...", "query", "fragment", "on", "a", "b",
                "\"", "\"\"\"", "\\", "#", "\n", "\r", "1", "-", ".", "0.5e3", "true", "null", "ä", "\u{feff}", ",",
            ]),
            0..60,
        )
    ) {
        let _ = check(&tokens.concat(), &Variables::default(), None, &Limits::default());
        let _ = check(&tokens.join(" "), &Variables::default(), None, &Limits::default());
    }
}
