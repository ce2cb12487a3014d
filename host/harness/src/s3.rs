//! A server that speaks S3 on loopback, objects being files of a directory: a fleet's bucket. It can go away and come back, and
//! whoever wants a damaged object edits its file.

use anyhow::{Context, Result};
use async_trait::async_trait;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The only bucket.
pub(crate) const BUCKET: &str = "guildhall";
/// The only key's id.
pub(crate) const ACCESS_KEY: &str = "access-of-a-temporary-bucket";
/// The only key.
pub const SECRET_KEY: &str = "secret-of-a-temporary-bucket";

/// The running server; it and its objects end with this value.
pub struct S3Server {
    address: String,
    directory: TempDir,
    /// Whether it answers.
    here: watch::Sender<bool>,
}

impl S3Server {
    /// Starts it with an empty bucket.
    pub async fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let root = directory.path().to_owned();
        std::fs::create_dir(root.join(BUCKET))?;
        let files = FileSystem::new(&root).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(Objects { files, root });
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no address is free")?;
        let address = listener.local_addr()?.to_string();
        let (here, watched) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (service, mut here) = (service.clone(), watched.clone());
                // Without it, a small answer waits for the next packet.
                let _ = connection.set_nodelay(true);
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    let serving = server.serve_connection(TokioIo::new(connection), service);
                    tokio::select! {
                        // However a connection ends, there is nobody to tell.
                        _ = serving => {}
                        _ = here.wait_for(|here| !here) => {}
                    }
                });
            }
        });
        Ok(Self {
            address,
            directory,
            here,
        })
    }

    /// `http://host:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection, and new ones, until it is called with true.
    pub fn set_here(&self, here: bool) {
        self.here.send_replace(here);
    }

    /// The bucket's objects, as files below this directory.
    pub fn objects(&self) -> PathBuf {
        self.directory.path().join(BUCKET)
    }
}

/// s3s-fs, but for lists: it walks the whole bucket for each, and a bucket of a thousand guilds has many objects.
struct Objects {
    files: FileSystem,
    root: PathBuf,
}

/// A page's bound where none is asked for (S3, ListObjectsV2).
const PAGE: i32 = 1000;

impl Objects {
    /// Objects below the prefix, and with a delimiter the prefixes below it, by name.
    fn list(&self, bucket: &str, prefix: &str, delimited: bool) -> io::Result<BTreeMap<String, Option<Object>>> {
        let bucket = self.root.join(bucket);
        // Names begin with the prefix; it may end within one.
        let (directory, _) = prefix.rsplit_once('/').unwrap_or_default();
        let mut found = BTreeMap::new();
        let mut directories = vec![bucket.join(directory)];
        while let Some(directory) = directories.pop() {
            let entries = match std::fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let path = entry.path();
                let key = path
                    .strip_prefix(&bucket)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .into_owned();
                if path.is_dir() {
                    let below = format!("{key}/");
                    let related = below.starts_with(prefix) || prefix.starts_with(&below);
                    if delimited && below.starts_with(prefix) && below.len() > prefix.len() {
                        if has_files(&path)? {
                            found.insert(below, None);
                        }
                    } else if related {
                        directories.push(path);
                    }
                } else if key.starts_with(prefix) {
                    // Removed meanwhile: then it is not listed.
                    let Ok(metadata) = entry.metadata() else { continue };
                    let object = Object {
                        key: Some(key.clone()),
                        last_modified: Some(metadata.modified()?.into()),
                        size: i64::try_from(metadata.len()).ok(),
                        ..Object::default()
                    };
                    found.insert(key, Some(object));
                }
            }
        }
        Ok(found)
    }
}

fn has_files(directory: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if !path.is_dir() || has_files(&path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[async_trait]
impl S3 for Objects {
    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let found = self.list(&input.bucket, &prefix, input.delimiter.is_some());
        let found = found.map_err(|error| s3s::s3_error!(error, InternalError))?;
        let after = input.continuation_token.clone().max(input.start_after.clone());
        let limit = usize::try_from(input.max_keys.unwrap_or(PAGE)).unwrap_or_default();
        let rest = found
            .into_iter()
            .filter(|(name, _)| after.as_ref().is_none_or(|after| name > after));
        let mut page: Vec<_> = rest.take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|(name, _)| name.clone());
        let count = i32::try_from(page.len()).ok();
        let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
        for (name, object) in page {
            match object {
                Some(object) => contents.push(object),
                None => prefixes.push(CommonPrefix { prefix: Some(name) }),
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            max_keys: i32::try_from(limit).ok(),
            key_count: count,
            is_truncated: Some(more),
            continuation_token: input.continuation_token,
            next_continuation_token: next,
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.files.get_object(request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.files.head_object(request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.files.put_object(request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.files.delete_object(request).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.files.delete_objects(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.files.create_multipart_upload(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.files.upload_part(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.files.complete_multipart_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.files.abort_multipart_upload(request).await
    }
}
