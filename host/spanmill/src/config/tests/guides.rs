//! Configurations out of guides to the Collector, and what is said of them.

use expect_test::expect;

use super::load_with;

fn collector(text: &str, expected: expect_test::Expect) {
    // A processor of theirs that does not come with the binary is a plugin.
    let text = format!("{text}\nplugins: {{tail_sampling: {{file: tail_sampling.wasm}}}}\n");
    let said = match load_with(&text, &|_| None) {
        Ok(loaded) => {
            let pipelines = loaded.manifest.pipelines.iter();
            let ids: Vec<String> = pipelines.map(|pipeline| pipeline.id.to_string()).collect();
            format!(
                "pipelines: {}\n{}",
                ids.join(", "),
                loaded.warnings.render(false)
            )
        }
        Err(mistakes) => mistakes.render(false),
    };
    expected.assert_eq(&said);
}

#[test]
fn collector_complete_guide() {
    collector(
        include_str!("collector/complete-guide.yaml"),
        expect![[r#"
        pipelines: traces
        warning: the environment variable DD_API_KEY is not set; it counts as empty
          --> spanmill.yaml:32:19
           |
        32 |       DD-API-KEY: ${env:DD_API_KEY}
           |                   ^^^^^^^^^^^^^^^^^
           |
           = help: set it, or give a default: `${env:DD_API_KEY:-default}`

        spanmill.yaml: 1 warning
    "#]],
    );
}

#[test]
fn collector_gateway() {
    collector(
        include_str!("collector/gateway.yaml"),
        expect![[r#"
            pipelines: traces, metrics
            spanmill.yaml: no mistakes
        "#]],
    );
}

#[test]
fn collector_qa_guide() {
    collector(
        include_str!("collector/qa-guide.yaml"),
        expect![[r#"
            pipelines: traces, metrics
            spanmill.yaml: no mistakes
        "#]],
    );
}

#[test]
fn collector_sre_reference() {
    collector(
        include_str!("collector/sre-reference.yaml"),
        expect![[r#"
            pipelines: traces, metrics
            warning: exporter logging is defined, but no pipeline uses it
              --> spanmill.yaml:30:3
               |
            30 |   logging:
               |   ^^^^^^^

            spanmill.yaml: 1 warning
        "#]],
    );
}

#[test]
fn collector_tracing_guide() {
    collector(
        include_str!("collector/tracing-guide.yaml"),
        expect![[r#"
            pipelines: traces
            warning: processor probabilistic_sampler is defined, but no pipeline uses it
              --> spanmill.yaml:23:3
               |
            23 |   probabilistic_sampler:
               |   ^^^^^^^^^^^^^^^^^^^^^

            warning: exporter jaeger: the jaeger exporter has been removed; OTLP is sent to its endpoint instead
              --> spanmill.yaml:28:3
               |
            28 |   jaeger:
               |   ^^^^^^
               |
               = help: Jaeger takes OTLP at port 4317 since version 1.35: use an `otlp` exporter with that port

            warning: exporter otlp/tempo is defined, but no pipeline uses it
              --> spanmill.yaml:34:3
               |
            34 |   otlp/tempo:
               |   ^^^^^^^^^^

            spanmill.yaml: 3 warnings
        "#]],
    );
}
