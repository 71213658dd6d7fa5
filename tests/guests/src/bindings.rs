//! The types and imports that every component shares.
#![allow(unused)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "processor-plugin",
    generate_all,
});
