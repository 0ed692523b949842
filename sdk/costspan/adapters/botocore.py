"""boto3 and botocore: Amazon Bedrock and SageMaker endpoints."""

from costspan.adapters._adapter import Adapter, Target
from costspan.adapters._botocore import AWS, ENDPOINTS

BOTOCORE = Adapter(
    name="botocore",
    distribution="botocore",
    targets=(Target("botocore.client", "BaseClient._make_api_call"),),
    call=AWS,
    endpoints=ENDPOINTS,
    provider="aws.bedrock",
)
