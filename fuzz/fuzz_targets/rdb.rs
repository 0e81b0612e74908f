#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aofstore_fuzz::rdb::run(data));
