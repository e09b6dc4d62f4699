//! Small changes to a sample, as a script says.

/// Changes made to one sample at most.
const CHANGES_MAX: usize = 8;
const CHANGE_BYTES: usize = 5;
/// Longer inputs are of no more use than these, and slow.
const BYTES_MAX: usize = 256 * 1024;

/// A sample with changes. The script's first byte chooses the sample, or that the script itself is the input.
pub fn bent(samples: &[Vec<u8>], script: &[u8]) -> Vec<u8> {
    let Some((choice, changes)) = script.split_first() else { return Vec::new() };
    if *choice == u8::MAX {
        return changes.to_vec();
    }
    let mut bytes = samples[usize::from(*choice) % samples.len()].clone();
    for change in changes.chunks_exact(CHANGE_BYTES).take(CHANGES_MAX) {
        let &[what, high, low, value, length] = change else { continue };
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        make(&mut bytes, samples, what, at, value, usize::from(length));
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn make(bytes: &mut Vec<u8>, samples: &[Vec<u8>], what: u8, at: usize, value: u8, length: usize) {
    let end = (at + length).min(bytes.len());
    match what % 8 {
        0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (value % 8)),
        1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
        2 => bytes.iter_mut().skip(at).take(length).for_each(|byte| *byte = value),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => drop(bytes.splice(at..at, std::iter::repeat_n(value, length))),
        // A part comes twice.
        6 => {
            let part = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, part));
        }
        // A part of another sample takes its place.
        _ => {
            let other = &samples[usize::from(value) % samples.len()];
            let part: Vec<u8> = other.iter().skip(at).take(length).copied().collect();
            drop(bytes.splice(at..end, part));
        }
    }
}

#[test]
fn every_script_bends_every_sample() {
    let samples = vec![Vec::new(), b"short".to_vec(), vec![7; 70_000]];
    for what in 0..8 {
        for at in [0, 3, u8::MAX] {
            for choice in 0..3 {
                let script = [choice, what, at, at, 9, 200, what, 0, 0, 1, 1];
                assert!(bent(&samples, &script).len() <= BYTES_MAX);
            }
        }
    }
    assert_eq!(bent(&samples, &[u8::MAX, 1, 2]), [1, 2]);
    assert_eq!(bent(&samples, &[1, 3, 0, 2, 0, 0]), b"sh");
}
