//! Any bytes: the parser and prost agree on what is a request, and what is one goes through a chain unchanged.

use bytes::Bytes;
use spanmill_otlp::{Batch, Outcome, Request};

use crate::export::Export;
use crate::with_workspace;

/// Checks one input.
pub fn check<E: Export>(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let decoded = E::decode(bytes.clone());
    let parsed = Request::parse(E::SIGNAL, bytes.clone());
    // Where a request is cut into parts makes no difference.
    let in_parts = Batch::in_parts(E::SIGNAL, bytes.clone(), 16).map(|batch| batch.item_count());
    assert_eq!(in_parts, parsed.clone().map(|request| request.item_count()));
    let request = match (parsed, decoded) {
        (Ok(request), Ok(decoded)) => {
            assert_eq!(request.item_count(), decoded.items());
            request
        }
        (Ok(_), Err(error)) => panic!("accepted what prost refuses: {error}"),
        // prost merges what is sent twice; here it could hide something. And it takes ids of any length.
        (Err(error), Ok(_)) => {
            let is_ours = error.what.contains("twice") || error.what.contains("another length");
            assert!(is_ours, "refused what prost accepts: {error}");
            return;
        }
        (Err(_), Err(_)) => return,
    };
    with_workspace(|workspace| {
        workspace.load(request.clone(), 1).unwrap();
        for stage in 0..2 {
            workspace.view(stage).unwrap();
            workspace.apply(stage, &Outcome::default()).unwrap();
        }
        assert_eq!(workspace.splice().bytes, bytes);
    });
    let parts = request.split(2);
    let items = parts
        .iter()
        .map(|part| E::decode(part.bytes.clone()).unwrap().items());
    assert_eq!(items.sum::<usize>(), request.item_count());
}
