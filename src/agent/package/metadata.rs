//! What a package says of a material, as JSON with the words of the local API and as XML with those of the archives.
//!
//! GB/T 42727-2023 (政务服务事项电子文件归档规范) wants the metadata in the package beside the files. Of it the contents are
//! public: chapter 7 the package, chapter 8 the metadata, annexes D the table of elements and E an example of their form; the
//! text of the annexes is not. So the XML uses, for what it has an element, the names of DA/T 46-2009 (电子文件号, 题名,
//! 责任者, 格式信息, 计算机文件名, 计算机文件大小), and for the rest the words of the standard's own subject: 事项, 办件, 材料,
//! 申请人, with 数字摘要 for the checksums that chapter 6.6 asks for. Not written, because nothing here knows them: 档号,
//! 全宗, 保管期限, 密级, and the name of an item beside its code. Who has the annexes maps from the JSON.

use serde::{Deserialize, Serialize};
use yidang_archive::Stored;
use yidang_model::{Image, MediaType, Page, Subject};

use super::xml::Xml;

/// Whom a number identifies. Personal.
#[derive(Serialize, Deserialize)]
pub(crate) struct SubjectMetadata {
    pub(crate) r#type: String,
    pub(crate) value: String,
}

/// A material's record.
#[derive(Serialize, Deserialize)]
pub(crate) struct MaterialMetadata {
    pub(crate) id: String,
    pub(crate) holders: Vec<SubjectMetadata>,
    pub(crate) kind: String,
    pub(crate) case: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) slot: Option<String>,
    pub(crate) issued_on: Option<String>,
    pub(crate) valid_until: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) document_number: Option<String>,
    pub(crate) presented_as: Option<String>,
    pub(crate) original_seen: Option<bool>,
    pub(crate) note: Option<String>,
    pub(crate) captured_at: String,
    pub(crate) filed_at: String,
    pub(crate) counter: String,
    pub(crate) operator: Option<String>,
    pub(crate) status: String,
    pub(crate) origin: String,
    pub(crate) duplicate_of: Option<String>,
    pub(crate) pages: Vec<PageMetadata>,
    /// The PDF files with all pages: one, or several of a very large material; empty where a page is missing.
    pub(crate) documents: Vec<DocumentMetadata>,
}

/// One page.
#[derive(Serialize, Deserialize)]
pub(crate) struct PageMetadata {
    /// Counts from 1.
    pub(crate) page: usize,
    pub(crate) captured_at: String,
    /// Whom it is about, where that is fewer than the material's holders.
    pub(crate) about: Vec<SubjectMetadata>,
    /// Where the page lies in the original, in its pixels; null: the whole frame was kept.
    pub(crate) corners: Option<[[f32; 2]; 4]>,
    pub(crate) confidence: f32,
    pub(crate) original: PictureMetadata,
    /// Whether the original was disposed of, as its term was shorter than the paper's: it has no file then.
    #[serde(default)]
    pub(crate) original_disposed: bool,
    pub(crate) picture: PictureMetadata,
}

/// One picture.
#[derive(Serialize, Deserialize)]
pub(crate) struct PictureMetadata {
    /// Its name in the material's folder; null where it could not be read.
    pub(crate) file: Option<String>,
    pub(crate) media_type: String,
    pub(crate) size_bytes: u64,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) sha256: String,
}

/// A PDF file.
#[derive(Serialize, Deserialize)]
pub(crate) struct DocumentMetadata {
    pub(crate) file: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
}

impl MaterialMetadata {
    /// What stands in the record; files come when they are written.
    pub(crate) fn of(stored: &Stored) -> Self {
        let material = &stored.material;
        let page = |(number, page)| PageMetadata::of(number, page, stored.is_original_gone(page));
        Self {
            id: material.id.to_string(),
            holders: material.holders.iter().map(SubjectMetadata::of).collect(),
            kind: material.kind.as_str().to_owned(),
            case: material.case.clone(),
            item: material.item.clone(),
            slot: material.slot.clone(),
            issued_on: material.issued_on.map(|d| d.to_string()),
            valid_until: material.valid_until.map(|d| d.to_string()),
            issuer: material.issuer.clone(),
            document_number: material.document_number.clone(),
            presented_as: material.presented_as.map(|p| p.to_string()),
            original_seen: material.original_seen,
            note: material.note.clone(),
            captured_at: material.captured_at.to_string(),
            filed_at: material.filed_at.to_string(),
            counter: material.counter.clone(),
            operator: material.operator.clone(),
            status: material.status.to_string(),
            origin: material.origin.to_string(),
            duplicate_of: material.duplicate_of.map(|id| id.to_string()),
            pages: (1..).zip(&material.pages).map(page).collect(),
            documents: Vec::new(),
        }
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// As XML.
    pub(crate) fn to_xml(&self) -> Vec<u8> {
        let mut xml = Xml::new();
        xml.within("电子文件元数据", |xml| {
            xml.text("电子文件号", &self.id);
            xml.text("题名", &self.kind);
            self.business(xml);
            xml.optional("责任者", self.issuer.as_ref());
            xml.optional("材料编号", self.document_number.as_ref());
            xml.optional("签发日期", self.issued_on.as_ref());
            xml.optional("有效期至", self.valid_until.as_ref());
            xml.optional("提交形式", self.presented_as.as_ref());
            xml.optional("已核验原件", self.original_seen);
            xml.text("采集时间", &self.captured_at);
            xml.text("归档时间", &self.filed_at);
            xml.text("归档窗口", &self.counter);
            xml.optional("经办人", self.operator.as_ref());
            xml.text("采集方式", &self.origin);
            xml.text("状态", &self.status);
            xml.optional("重复于", self.duplicate_of.as_ref());
            xml.optional("备注", self.note.as_ref());
            self.pages.iter().for_each(|page| page.write(xml));
            for document in &self.documents {
                xml.within("版式文件", |xml| {
                    file(xml, &document.file, "application/pdf", document.size_bytes, &document.sha256);
                });
            }
        });
        xml.into_bytes()
    }

    /// 事项, 办件 and 申请人.
    fn business(&self, xml: &mut Xml) {
        xml.optional("事项编码", self.item.as_ref());
        xml.optional("办件编号", self.case.as_ref());
        xml.optional("材料项", self.slot.as_ref());
        self.holders.iter().for_each(|holder| holder.write("申请人", xml));
    }
}

impl SubjectMetadata {
    pub(crate) fn of(subject: &Subject) -> Self {
        Self { r#type: subject.subject_type().as_str().to_owned(), value: subject.value().to_owned() }
    }

    fn write(&self, name: &str, xml: &mut Xml) {
        xml.within(name, |xml| {
            xml.text("证件类型", &self.r#type);
            xml.text("证件号码", &self.value);
        });
    }
}

impl PageMetadata {
    fn of(number: usize, page: &Page, original_disposed: bool) -> Self {
        Self {
            page: number,
            captured_at: page.captured_at.to_string(),
            about: page.about.iter().map(SubjectMetadata::of).collect(),
            corners: page.corners,
            confidence: page.confidence,
            original: PictureMetadata::of(&page.original),
            original_disposed,
            picture: PictureMetadata::of(&page.image),
        }
    }

    fn write(&self, xml: &mut Xml) {
        xml.within("页", |xml| {
            xml.text("页号", self.page);
            xml.text("采集时间", &self.captured_at);
            self.about.iter().for_each(|about| about.write("涉及", xml));
            self.original.write("原始图像", xml);
            if self.original_disposed {
                xml.text("原始图像已处置", true);
            }
            self.picture.write("页面图像", xml);
        });
    }
}

impl PictureMetadata {
    fn of(image: &Image) -> Self {
        Self {
            file: None,
            media_type: image.media_type.to_string(),
            size_bytes: image.size_bytes,
            width: image.width,
            height: image.height,
            sha256: image.digest.to_string(),
        }
    }

    /// How its file's name ends.
    pub(crate) fn ending(&self) -> &'static str {
        if self.media_type == MediaType::Png.as_str() { "png" } else { "jpg" }
    }

    fn write(&self, name: &str, xml: &mut Xml) {
        xml.within(name, |xml| {
            let Self { media_type, size_bytes, sha256, .. } = self;
            match &self.file {
                Some(name) => file(xml, name, media_type, *size_bytes, sha256),
                None => xml.text("缺失", true),
            }
            xml.text("图像宽度", self.width);
            xml.text("图像高度", self.height);
        });
    }
}

fn file(xml: &mut Xml, name: &str, media_type: &str, size_bytes: u64, sha256: &str) {
    xml.text("计算机文件名", name);
    xml.text("格式信息", media_type);
    xml.text("计算机文件大小", size_bytes);
    xml.text("数字摘要算法", "SHA-256");
    xml.text("数字摘要", sha256);
}
