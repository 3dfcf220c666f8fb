"""Spans of states, pipelines and steps, which the report draws too."""

from ndr.report.spans import Span, pipeline_executions, pipeline_span, state_spans, step_spans

__all__ = ["Span", "pipeline_executions", "pipeline_span", "state_spans", "step_spans"]
