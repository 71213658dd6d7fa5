//! What the settings of both servers share.

use spanmill_manifest::{Diagnostics, Section};

/// Keys of both servers that this version does not serve.
pub(super) fn refuse_shared(section: &mut Section<'_>, out: &mut Diagnostics) {
    section.refuse(
        "auth",
        "is not supported",
        "put an authenticating proxy in front",
        out,
    );
    section.refuse(
        "middlewares",
        "is not supported",
        "remove it: middlewares are extensions, and there are none in this version",
        out,
    );
    if let Some(transport) = section.text("transport", out)
        && transport != "tcp"
        && let Some(node) = section.value("transport")
    {
        out.push(section.wrong("transport", node, "only tcp is served in this version"));
    }
}
