"""Settings with which Spark itself reads and writes s3://, where hadoop-aws is among its jars.

The jobs do not need it: their tasks read and write through pyarrow.fs. It is for what is run beside them on the image.
"""

from __future__ import annotations

import os


def s3a_settings() -> dict[str, str]:
    """Return Spark settings for s3://, with region and endpoint as the AWS SDKs take them from the environment."""
    settings = {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        settings["spark.hadoop.fs.s3a.endpoint.region"] = region
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        settings |= {
            "spark.hadoop.fs.s3a.endpoint": endpoint,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": str(endpoint.startswith("https:")).lower(),
        }
    return settings
