//! The processor that hands its count of batches on.

spanmill_hostile::stateful_processor!(1);
