//! A code as PNG (ISO/IEC 15948): one bit for each dot, written by hand, since nothing else here makes pictures.

use super::pack;
use super::qr::Code;

/// The code with its margin, each module so many dots wide (1 to 32).
#[must_use]
pub fn png(code: &Code, scale: usize) -> Vec<u8> {
    let scale = scale.clamp(1, 32);
    let width = code.width() * scale;
    let mut rows = Vec::with_capacity((width / 8 + 2) * width);
    for y in 0..width {
        // Filter 0: a row as it is.
        rows.push(0);
        for byte in 0..width.div_ceil(8) {
            let bit = |n: usize| {
                let x = byte * 8 + n;
                // Light is 1; what lies past the end is of no account.
                u8::from(x < width && !code.dark(x / scale, y / scale)) << (7 - n)
            };
            rows.push((0..8).map(bit).fold(0, |all, bit| all | bit));
        }
    }
    let side = u32::try_from(width).unwrap_or(u32::MAX).to_be_bytes();
    // One bit of grey, no palette, deflate, one filter method, no interlace.
    let header = [&side[..], &side, &[1, 0, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &pack::zlib(&rows));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let start = file.len();
    file.extend_from_slice(kind);
    file.extend_from_slice(data);
    let sum = file.get(start..).map(crc).unwrap_or_default();
    file.extend_from_slice(&sum.to_be_bytes());
}

/// CRC-32 of ISO 3309, bit by bit: a picture has a few thousand bytes.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let all = bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    !all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::qr::code;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(b"IEND"), 0xae42_6082);
    }

    #[test]
    fn the_rows_are_the_modules() {
        let code = code("ANNONA").expect("a code");
        let file = png(&code, 3);
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(&file[16..24], [0, 0, 0, 87, 0, 0, 0, 87]);
        let length = u32::from_be_bytes([file[33], file[34], file[35], file[36]]) as usize;
        let rows = pack::unzlib(&file[41..41 + length], 1 << 20).expect("zlib");
        assert_eq!(rows.len(), 87 * 12);
        for y in 0..87 {
            for x in 0..87 {
                let light = rows[y * 12 + 1 + x / 8] >> (7 - x % 8) & 1 == 1;
                assert_eq!(light, !code.dark(x / 3, y / 3), "{x}, {y}");
            }
        }
    }
}
