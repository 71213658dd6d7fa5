//! A processor that imports a stranger's interface, which no host grants.

spanmill_hostile::processor!(1, {
    inline: "
        package acme:importer;

        world importer {
            include spanmill:plugin/processor-plugin@0.1.0;
            import acme:spy/files;
        }

        package acme:spy {
            interface files {
                read: func(path: string) -> list<u8>;
            }
        }
    ",
    world: "acme:importer/importer",
});

/// An import that nothing calls would not be in the component.
#[unsafe(no_mangle)]
extern "C" fn look_around() -> usize {
    bindings::acme::spy::files::read("/etc/passwd").len()
}
