//! A mistake a test, and what is said of it. `UPDATE_EXPECT=1` rewrites the texts.

mod exporters;
mod pipelines;
mod processors;
mod receivers;
mod text;
mod unsupported;

use expect_test::Expect;

use super::load;

fn check(text: &str, expected: Expect) {
    let said = match load(text) {
        Ok(loaded) => loaded.warnings.render(false),
        Err(mistakes) => mistakes.render(false),
    };
    expected.assert_eq(&said);
}
