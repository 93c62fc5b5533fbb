"""EC2 Instance Connect: keys that an instance takes for a minute, and the tunnels of Instance Connect Endpoints.

AWS documents no wire protocol of the endpoint; what is here was read from the AWS CLI's source (awscli, branch v2,
awscli/customizations/ec2instanceconnect) and tried with AWS CLI 2.23.6. Pure: bytes in, bytes out; time is passed in.
"""
