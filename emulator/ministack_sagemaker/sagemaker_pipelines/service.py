"""The operations of SageMaker."""

from __future__ import annotations

from ministack_sagemaker import aws_json
from ministack_sagemaker.sagemaker_pipelines import execution_operations, pipeline_operations

OPERATIONS: dict[str, aws_json.Operation] = {
    "CreatePipeline": pipeline_operations.create_pipeline,
    "UpdatePipeline": pipeline_operations.update_pipeline,
    "DescribePipeline": pipeline_operations.describe_pipeline,
    "DeletePipeline": pipeline_operations.delete_pipeline,
    "ListPipelines": pipeline_operations.list_pipelines,
    "AddTags": pipeline_operations.add_tags,
    "ListTags": pipeline_operations.list_tags,
    "StartPipelineExecution": execution_operations.start_pipeline_execution,
    "DescribePipelineExecution": execution_operations.describe_pipeline_execution,
    "ListPipelineExecutions": execution_operations.list_pipeline_executions,
    "ListPipelineExecutionSteps": execution_operations.list_pipeline_execution_steps,
    "ListPipelineParametersForExecution": execution_operations.list_pipeline_parameters_for_execution,
    "StopPipelineExecution": execution_operations.stop_pipeline_execution,
    "DescribeProcessingJob": execution_operations.describe_processing_job,
}

handle = aws_json.handler("sagemaker", OPERATIONS)
