//! Why a row was not imported: a stable code, cause and remedy in both languages, never with anything of the row but the
//! name of its column.

macro_rules! reasons {
    ($($variant:ident = $word:literal, $zh_cause:literal, $zh_remedy:literal, $cause:literal, $remedy:literal;)+) => {
        /// The closed list of reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Reason {
            $($variant,)+
        }

        impl Reason {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable word.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What is wrong: in Chinese, in English.
            const fn cause(self) -> [&'static str; 2] {
                match self { $(Self::$variant => [$zh_cause, $cause],)+ }
            }

            /// What to do about it: in Chinese, in English.
            pub(crate) const fn remedy(self) -> [&'static str; 2] {
                match self { $(Self::$variant => [$zh_remedy, $remedy],)+ }
            }
        }
    };
}

reasons! {
    RowMalformed = "row_malformed",
        "这一行的列数与表头不一致。", "请补齐或删去多余的列；内容里有逗号或换行时请用双引号括起来。",
        "the row has not as many fields as the header", "add what is missing; put a text with a comma or a line end between double quotes";
    SubjectTypeUnknown = "subject_type_unknown",
        "subject_type 不是七种类型之一。", "请填写 resident、hmt、foreigner、passport、birth_certificate、organisation 或 provisional。",
        "subject_type is none of the seven", "write resident, hmt, foreigner, passport, birth_certificate, organisation or provisional";
    SubjectMalformed = "subject_malformed",
        "号码的写法与其类型不符。", "请核对号码；如果表格软件把号码变成了科学计数法，请把该列设为文本格式后重新填写。",
        "the number is not written as numbers of its type are", "correct it; where a spreadsheet turned it into 1.1E+17, format the column as text and enter it again";
    CheckDigitWrong = "check_digit_wrong",
        "号码的校验码不对，很可能有一位抄错。", "请对照原件改正；确认证件上就是如此时，请加 --keep-wrong-check-digits 再导入。",
        "the number's check digit is wrong: most likely a digit was copied wrongly", "correct it; where the card itself has it so, import again with --keep-wrong-check-digits";
    FieldInvalid = "field_invalid",
        "某一列是空的、过长或含有控制字符。", "请改正所列的那一列。",
        "a field is empty, too long or has control characters", "correct the column that is named";
    DateInvalid = "date_invalid",
        "日期不存在或写法不对。", "请按 2019-03-05 或 2019/3/5 的写法填写所列的那一列。",
        "a date does not exist or is not written as one", "write it as 2019-03-05 or 2019/3/5 in the column that is named";
    DateInFuture = "date_in_future",
        "日期在今天之后。", "请改正所列的那一列；如果日期没有错，请校准本机时钟。",
        "a date lies after today", "correct the column that is named, or this machine's clock";
    DatesReversed = "dates_reversed",
        "有效期在签发日期之前。", "请改正 issued_on 或 valid_until。",
        "it expires before it was issued", "correct issued_on or valid_until";
    PathInvalid = "path_invalid",
        "path 不是清单所在文件夹内的相对路径。", "请写相对于清单所在文件夹的路径，不要以 / 或盘符开头，不要用 ..。",
        "path is not a relative path within the manifest's folder", "write it relative to the manifest's folder, without a leading / or drive and without ..";
    PathOutside = "path_outside",
        "path 经由链接指向清单所在文件夹之外。", "请把图片复制到清单所在的文件夹里。",
        "path leads out of the manifest's folder by a link", "copy the picture into the manifest's folder";
    FileMissing = "file_missing",
        "没有这个文件。", "请核对 path，注意大小写和扩展名。",
        "there is no such file", "check path, its capitals and its ending";
    NotAFile = "not_a_file",
        "path 指向的不是普通文件。", "请写图片文件本身的路径，一行一个文件。",
        "path names no plain file", "name the picture itself, one file a row";
    FileUnreadable = "file_unreadable",
        "文件读不出来。", "请检查文件的权限和所在的磁盘。",
        "the file cannot be read", "check its rights and the disk it lies on";
    FileTooLarge = "file_too_large",
        "文件超过 32 MiB。", "请另存为 JPEG，或降低分辨率。",
        "the file is larger than 32 MiB", "save it as JPEG, or at a lower resolution";
    NotAnImage = "not_an_image",
        "文件不是可用的图片。", "请提供 JPEG 或 PNG；PDF 请逐页另存为图片，或通过窗口软件提交。",
        "the file is no picture that is read", "give a JPEG or a PNG; save the pages of a PDF as pictures, or hand it in to the local API";
    ImageDamaged = "image_damaged",
        "图片不完整或已损坏。", "请从原处重新复制，或重新拍摄。",
        "the picture is cut off or damaged", "copy it again from where it came, or photograph the paper again";
    ImageTooLarge = "image_too_large",
        "图片的像素尺寸过大。", "请降低分辨率后再导入。",
        "the picture has too many pixels", "save it at a lower resolution";
    RowsDiffer = "rows_differ",
        "同一份材料的各行在 path 和 captured_on 以外的列上不一致。", "请让这些行的其他各列完全相同。",
        "rows of one material differ in more than path and captured_on", "make their other columns equal";
    NotTogether = "material_not_together",
        "同一个 material 的各行没有排在一起。", "请把同一份材料的行连续排列。",
        "the rows of one material do not stand together", "sort the manifest by its column material";
    TooManyPages = "too_many_pages",
        "一份材料超过 200 页。", "请分成几份材料。",
        "a material has more than 200 pages", "make several materials of it";
    MaterialRefused = "material_refused",
        "同一份材料的另一行被拒绝，整份材料都没有导入。", "请先改正那一行。",
        "another row of the same material was refused, and so the whole material", "correct that row first";
    MaterialErased = "material_erased",
        "这份材料导入之后已被依法删除，不会再次归档。", "请从清单中删去这一行。",
        "it was imported and has been erased since: it is not filed again", "take the row out of the manifest";
}

/// Why a row was refused: the reason, and the column it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) column: Option<&'static str>,
}

impl Refusal {
    pub(crate) const fn in_column(reason: Reason, column: &'static str) -> Self {
        Self { reason, column: Some(column) }
    }

    /// What is wrong: in Chinese, in English.
    pub(crate) fn cause(self) -> [String; 2] {
        self.reason.cause().map(|cause| match self.column {
            Some(column) => format!("{column}: {cause}"),
            None => cause.to_owned(),
        })
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, column: None }
    }
}

/// A row that was refused. Rows count as in a spreadsheet: the header is row 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefusedRow {
    pub(crate) row: u64,
    pub(crate) refusal: Refusal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_speaks_both_languages_and_is_unique() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let [[zh_cause, cause], [zh_remedy, remedy]] = [reason.cause(), reason.remedy()];
            assert!(cause.is_ascii() && remedy.is_ascii() && !remedy.is_empty(), "{}", reason.code());
            assert!(!zh_cause.is_ascii() && !zh_remedy.is_ascii(), "{}", reason.code());
        }
    }
}
