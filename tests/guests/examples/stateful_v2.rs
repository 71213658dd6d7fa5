//! Another version of `stateful`, which takes over what the first counted.

spanmill_hostile::stateful_processor!(2);
