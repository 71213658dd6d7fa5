//! The processor that keeps nothing.

spanmill_hostile::processor!(1, { world: "processor-plugin", });
