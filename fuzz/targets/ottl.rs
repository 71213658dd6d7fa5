#![no_main]

use libfuzzer_sys::fuzz_target;
use spanmill_fuzz::{ottl, plant};

fuzz_target!(init: plant(ottl::seeds()), |data: &[u8]| ottl::check(data));
