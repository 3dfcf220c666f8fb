"""The sources of the jobs as a content-addressed bundle, and the pipeline that uploads it."""
