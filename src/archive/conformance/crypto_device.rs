//! The suite for what carries out a suite.

use crate::crypto::{CryptoDevice, Suite};
use crate::storage::Secret;

pub(super) fn run(suite: Suite, device: &dyn CryptoDevice) {
    the_published_vectors_come_out(suite, device);
    a_changed_bit_does_not_open(suite, device);
    where_a_part_ends_does_not_matter(suite, device);
}

fn key(suite: Suite, byte: u8) -> Secret {
    Secret::from_slice(&vec![byte; suite.key_bytes()]).unwrap()
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn the_published_vectors_come_out(suite: Suite, device: &dyn CryptoDevice) {
    let (key, nonce, aad, plain, sealed, tag): (_, _, Vec<u8>, _, _, _) = match suite {
        // The NIST's GCM test case 14.
        Suite::Aes256Gcm => (
            key(suite, 0),
            [0; 12],
            Vec::new(),
            vec![0; 16],
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919",
        ),
        // RFC 8998, appendix A.1.
        Suite::Sm4Gcm => (
            Secret::from_slice(&bytes::<16>("0123456789abcdeffedcba9876543210")).unwrap(),
            bytes("00001234567800000000abcd"),
            hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap(),
            [0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA].into_iter().flat_map(|byte| [byte; 8]).collect(),
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
             d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
            "83de3541e4c2b58177e065a9bf7b62ec",
        ),
    };
    let mut buffer = plain.clone();
    let handle = device.take_in(&key).unwrap();
    assert_eq!(hex::encode(handle.seal_in_place(&nonce, &aad, &mut buffer).unwrap()), tag);
    assert_eq!(hex::encode(&buffer), sealed);
    assert!(handle.open_in_place(&nonce, &aad, &mut buffer, &bytes(tag)));
    assert_eq!(buffer, plain);
    // Computed with Python's hmac and OpenSSL: keys 00 01 …, "label\0", length 3 in 8 bytes, "abc".
    let counted: Vec<u8> = (0..).take(suite.key_bytes()).collect();
    let mac = device.mac(&Secret::from_slice(&counted).unwrap(), &[b"label\0", &3_u64.to_be_bytes(), b"abc"]);
    let published = match suite {
        Suite::Aes256Gcm => "b1531243669045229e4c06618bb9f36f1c33797b6ff28df9f77b08aff41b72ae",
        Suite::Sm4Gcm => "9e729a9edae5549889d01dd217e0a3ed1b7b5119b4366b0eecfc0fdb7406dff1",
    };
    assert_eq!(hex::encode(mac), published);
}

fn a_changed_bit_does_not_open(suite: Suite, device: &dyn CryptoDevice) {
    let handle = device.take_in(&key(suite, 7)).unwrap();
    let (nonce, aad) = ([1; 12], b"context");
    for length in [0, 1, 15, 16, 17, 100] {
        let plain = vec![0x5A; length];
        let mut sealed = plain.clone();
        let tag = handle.seal_in_place(&nonce, aad, &mut sealed).unwrap();
        let opens = |sealed: &[u8], nonce: &[u8; 12], aad: &[u8], tag: &[u8; 16]| {
            let mut buffer = sealed.to_vec();
            handle.open_in_place(nonce, aad, &mut buffer, tag).then_some(buffer)
        };
        assert_eq!(opens(&sealed, &nonce, aad, &tag), Some(plain));
        for bit in 0..length * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opens(&changed, &nonce, aad, &tag), None, "bit {bit} of {length} bytes");
        }
        for bit in 0..128 {
            let mut changed = tag;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opens(&sealed, &nonce, aad, &changed), None, "bit {bit} of the tag");
        }
        assert_eq!(opens(&sealed, &[2; 12], aad, &tag), None);
        assert_eq!(opens(&sealed, &nonce, b"contexts", &tag), None);
        let mut buffer = sealed.clone();
        let other = device.take_in(&key(suite, 8)).unwrap();
        assert!(!other.open_in_place(&nonce, aad, &mut buffer, &tag));
    }
}

fn where_a_part_ends_does_not_matter(suite: Suite, device: &dyn CryptoDevice) {
    let mac = |parts: &[&[u8]]| device.mac(&key(suite, 7), parts);
    assert_eq!(mac(&[b"ab", b"c"]), mac(&[b"a", b"", b"bc"]));
    assert_ne!(mac(&[b"abc"]), mac(&[b"abd"]));
    assert_ne!(mac(&[b"abc"]), device.mac(&key(suite, 8), &[b"abc"]));
}
