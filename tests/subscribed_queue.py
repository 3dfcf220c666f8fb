"""A queue that gets what a topic sends."""

from __future__ import annotations

import json

from ministack_sagemaker.lifecycle import Account


def subscribed_queue(account: Account, name: str, topic_arn: str) -> str:
    """Create a queue that SNS may send to, subscribe it to a topic, and return its URL."""
    sqs = account.client("sqs")
    url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**may_send, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    account.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return url
