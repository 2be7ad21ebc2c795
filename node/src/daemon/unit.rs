//! The unit for systemd, as `annona run --print-unit` prints it.

/// A unit that runs the node of /var/lib/annona as a user of its own, and lets it do little else.
///
/// The directives are those of `systemd.exec(5)`, version 250 and later; older ones say which they do not know and go on.
/// The passphrase is a credential: a file only root reads, which systemd hands to this service alone.
pub const UNIT: &str = include_str!("annona.service");

#[cfg(test)]
mod tests {
    use super::UNIT;

    #[test]
    fn the_unit_says_each_thing_once_and_starts_this_program() {
        let lines = || UNIT.lines().filter(|line| line.contains('=') && !line.starts_with('#'));
        let keys: Vec<_> = lines().filter_map(|line| line.split('=').next()).collect();
        let once: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(once.len(), keys.len());
        for must in [
            "Type=notify",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "MemoryDenyWriteExecute=yes",
            "LimitCORE=0",
            "CapabilityBoundingSet=",
        ] {
            assert!(lines().any(|line| line == must), "{must}");
        }
        let start = lines().find(|line| line.starts_with("ExecStart=")).expect("a command");
        assert!(start.contains(" run "), "{start}");
    }
}
