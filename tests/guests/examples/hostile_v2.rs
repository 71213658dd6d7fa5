//! Another version of `hostile`, told apart by the names it gives.

spanmill_hostile::processor!(2, { world: "processor-plugin", });
